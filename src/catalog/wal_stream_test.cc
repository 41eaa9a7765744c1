#include "catalog/wal_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/testing/scratch_archive.h"
#include "wal/timed_event.h"

namespace walkback::catalog {
namespace {

using ::testing::SizeIs;

// What the indexes say is what the segments say.
class ReadEvents : public ::testing::Test {
 protected:
  struct Seen {
    pg::Lsn start, end;
    uint8_t rmgr, info;
    pg::Xid xid;
    std::vector<std::byte> data;
    bool operator==(const Seen&) const = default;
  };
  struct Read {
    std::vector<Seen> events;
    pg::Lsn end, last_record;
    bool problem;
    bool operator==(const Read&) const = default;
  };

  ReadEvents() {
    for (pg::Xid xid = 700; xid < 730; ++xid) {
      log_.insert(100'000 + xid * 331);
      xid % 7 == 0 ? log_.abort(xid, xid) : log_.commit(xid, xid + 0.25);
      if (xid % 11 == 0) log_.checkpoint(xid);
      if (xid % 9 == 0) log_.restore_point("before", xid);
    }
    archive_.put_all(log_);
  }

  template <typename Reader>
  Read read(Reader reader, pg::Lsn from, pg::Lsn to) {
    SegmentLists lists(archive_.wal());
    const WalChain chain = WalChain::load(lists, {1}).value();
    Read read;
    wal::TimedEvents events(archive_.wal().lineage().major);
    const auto visit = [&](const wal::Record& record) {
      if (!events.of(record).value()) return true;
      read.events.push_back({record.start, record.end, record.rmgr, record.info, record.xid,
                             to_bytes(record.bytes.subspan(wal::kRecordHeaderBytes))});
      return true;
    };
    const WalEnd end = reader(archive_.wal(), chain, from, std::min(to, chain.end_of_stretch(from)),
                              std::stop_token(), visit)
                           .value();
    read.end = end.end;
    read.last_record = end.last_record;
    read.problem = end.problem.has_value();
    return read;
  }
  void expect_the_same() {
    const uint64_t segment = ScratchTimeline::kSegmentBytes;
    for (const pg::Lsn from : {pg::Lsn{segment}, pg::Lsn{segment + 5000}, pg::Lsn{2 * segment},
                               pg::Lsn{3 * segment - 100}}) {
      for (const pg::Lsn to : {log_.end(), pg::Lsn{4 * segment}, pg::Lsn{4 * segment + 9000}}) {
        EXPECT_EQ(read(read_events, from, to), read(read_wal, from, to))
            << from.text() << " to " << to.text();
      }
    }
  }
  store::ObjectKey index(uint64_t number) {
    return archive_.wal().layout().wal_index(log_.file(number));
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
};

TEST_F(ReadEvents, GivesWhatTheSegmentsGive) {
  EXPECT_THAT(read(read_events, {ScratchTimeline::kSegmentBytes}, log_.end()).events,
              SizeIs(testing::Gt(30)));
  expect_the_same();
}

TEST_F(ReadEvents, NeedsNoSegmentWhoseIndexIsWhole) {
  archive_.overwrite(archive_.wal().layout().wal_file(log_.file(2)), "nobody's business");
  const Read events = read(read_events, {ScratchTimeline::kSegmentBytes}, log_.end());
  EXPECT_FALSE(events.problem);
  EXPECT_TRUE(read(read_wal, {ScratchTimeline::kSegmentBytes}, log_.end()).problem);
}

TEST_F(ReadEvents, WhereAnIndexIsMissingOrDamagedTheSegmentIsRead) {
  ASSERT_TRUE(archive_.objects().remove(index(2)).ok());
  expect_the_same();
  archive_.overwrite(index(3), "no index");
  expect_the_same();
  ASSERT_TRUE(archive_.objects().remove(index(1)).ok());
  expect_the_same();
}

// Pushed where the segment before was gone already.
TEST_F(ReadEvents, WhereAnIndexLacksItsFirstRecordTheSegmentIsRead) {
  WalIndex lacking = *get_wal_index(archive_.objects(), index(3)).value();
  lacking.summary->first_record_unknown = true;
  lacking.summary->plain_ends.clear();
  ASSERT_TRUE(archive_.objects().remove(index(3)).ok());
  ASSERT_TRUE(put_wal_index(archive_.objects(), index(3), lacking).ok());
  expect_the_same();
}

TEST_F(ReadEvents, EndsWhereTheVisitorSays) {
  SegmentLists lists(archive_.wal());
  const WalChain chain = WalChain::load(lists, {1}).value();
  int seen = 0;
  const WalEnd end = read_events(archive_.wal(), chain, {ScratchTimeline::kSegmentBytes},
                                 log_.end(), {}, [&](const wal::Record&) { return ++seen < 3; })
                         .value();
  EXPECT_EQ(seen, 3);
  EXPECT_LT(end.end, log_.end());
}

}  // namespace
}  // namespace walkback::catalog
