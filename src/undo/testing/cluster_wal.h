// For tests: what a transaction changed, read from the pg_wal of a server that runs.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "base/file_system.h"
#include "pgconn/testing/scratch_cluster.h"
#include "undo/row_changes.h"
#include "wal/record_reader.h"
#include "wal/timed_event.h"

namespace walkback::undo::testing {

// The server is initdb'ed with --wal-segsize=1, so that little has to be read.
inline constexpr uint32_t kSegmentBytes = 1u << 20;

inline void visit_wal(pgconn::testing::ScratchCluster& cluster, pg::Lsn from,
                      const std::function<void(const wal::Record&)>& visit) {
  const pg::Lsn end = pg::Lsn::parse(*cluster.sql("SELECT pg_switch_wal()")).value();
  wal::RecordReader reader({kSegmentBytes, {}, {}});
  wal::Record record;
  for (uint64_t number = from.value / kSegmentBytes; number * kSegmentBytes < end.value; ++number) {
    const std::string name = pg::SegmentName{{1}, number}.text(kSegmentBytes);
    const Bytes bytes = read_file(system_files(), cluster.pgdata() + "/pg_wal/" + name).value();
    reader.feed({{1}, number}, bytes);
    wal::Outcome outcome;
    while ((outcome = reader.next(record)) == wal::Outcome::kRecord) {
      if (record.start >= from) visit(record);
    }
    ASSERT_EQ(outcome, wal::Outcome::kEndOfInput) << name << ": " << reader.error().message;
  }
}

// Of a transaction that committed after `from`.
inline RowChanges changes_of(pgconn::testing::ScratchCluster& cluster, pg::Lsn from, pg::Xid xid,
                             int major = 15) {
  std::set<pg::Xid> xids;
  wal::TimedEvents events(major);
  visit_wal(cluster, from, [&](const wal::Record& record) {
    const auto event = events.of(record).value();
    const auto* end = event ? std::get_if<wal::TransactionEnd>(&event->what) : nullptr;
    if (end == nullptr || end->xid != xid || !end->committed) return;
    xids.insert(xid);
    for (const pg::Xid subxid : end->subxids) xids.insert(subxid);
  });
  EXPECT_FALSE(xids.empty()) << "no commit of " << xid;
  RowChanges changes(xids, major);
  visit_wal(cluster, from,
            [&](const wal::Record& record) { EXPECT_TRUE(changes.see(record).ok()); });
  return changes;
}

}  // namespace walkback::undo::testing
