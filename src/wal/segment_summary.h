// What one WAL segment contains, from one reading of it: what the WAL index keeps.
//
// A record belongs to the segment that it ends in. What a segment says alone is therefore exact but
// for a record that began before it, which is read with the end of the segment before where that is
// at hand. Where it is not, the summary of that segment says which blocks the record changes, and
// of one with no rows in that part all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/data_directory.h"
#include "pg/types.h"
#include "wal/catalog_files.h"
#include "wal/catalog_row_parts.h"
#include "wal/catalog_rows.h"
#include "wal/heap_records.h"
#include "wal/record.h"
#include "wal/record_reader.h"

namespace walkback::wal {

// A record as it was written, of a kind that plans, recovery windows and `find` need: what is a
// TimedEvent, the creation and truncation of relation files, and whose subtransactions some are.
// Never one with rows in it.
struct KeptRecord {
  pg::Lsn start;
  pg::Lsn end;
  Bytes bytes;  // header included
  bool operator==(const KeptRecord&) const = default;
};

// A commit or abort that says no more than its time, as nearly all do.
struct PlainEnd {
  pg::Lsn start;
  pg::Xid xid = 0;
  bool committed = false;
  int64_t pg_time = 0;  // PostgreSQL's TimestampTz
  bool operator==(const PlainEnd&) const = default;
};

// Blocks of one fork that any record changes, images included.
struct ChangedBlocks {
  RelationLocator relation;
  pg::Fork fork = pg::Fork::kMain;
  std::vector<uint32_t> blocks;  // ascending
  bool operator==(const ChangedBlocks&) const = default;
};

struct RelationRows {
  RelationLocator relation;
  RowCounts rows;
  auto operator<=>(const RelationRows&) const = default;
};

// What one xid, a subtransaction's for itself, wrote in this segment.
struct TransactionWork {
  pg::Xid xid = 0;
  // How many of SegmentSummary::plain_ends stand before its first record here.
  uint32_t ends_before = 0;
  uint32_t row_list = 0;  // into SegmentSummary::row_lists
  // Likewise of SegmentSummary::kept; 0 from programs that did not say it.
  uint32_t kept_before = 0;
  bool operator==(const TransactionWork&) const = default;
};

// A record that goes on in the next segment.
struct UnfinishedRecord {
  pg::Lsn start;
  // As it was written, without page headers in between: what this segment has of it where that can
  // hold no rows; else what stands in front of its images and data.
  Bytes bytes;
  bool operator==(const UnfinishedRecord&) const = default;
};

struct SegmentSummary {
  int major = 0;
  // Why nothing is known beyond `end`, or at all when that is 0/0: a torn tail, damage, a version
  // that this program does not know. Empty when the segment was read to its end.
  std::string problem;
  bool torn_tail = false;  // the problem is no damage: the log ended here
  // A record that began in a segment before ends here, and its beginning was not at hand: what it
  // did is not in here.
  bool first_record_unknown = false;
  // But the blocks it changes are, and it is none of the kinds that are `kept`.
  bool first_record_blocks_known = false;
  pg::Lsn first_record;  // start of the first one that ends here; 0/0 when there is none
  pg::Lsn last_record;   // likewise
  pg::Lsn end;           // of the last record that ends here; of the log, where there is a problem

  std::vector<KeptRecord> kept;               // in the order of their ends
  std::vector<PlainEnd> plain_ends;           // likewise
  std::vector<ChangedBlocks> changed;         // in the order of relation and fork
  std::vector<TransactionWork> transactions;  // in the order of their first records
  // Transactions do alike: each of these lists is there once, in order of relation; the first is
  // empty.
  std::vector<std::vector<RelationRows>> row_lists;
  std::vector<CatalogRow> catalog_rows;  // in the order in which they were written
  // Of rows whose other parts are in segments before or behind, likewise.
  std::vector<CatalogRowPart> catalog_row_parts;
  // At the end of the segment, as far as it was known or is said here.
  std::vector<MovedCatalog> moved_catalogs;
  std::optional<UnfinishedRecord> unfinished;  // nothing where there is none, or it is not known

  // Nothing of the segment is missing here.
  bool says_all() const { return problem.empty() && !first_record_unknown; }
  // Nor any change of a block, or record that is kept, up to `end`.
  bool says_all_blocks() const { return !first_record_unknown || first_record_blocks_known; }
  bool operator==(const SegmentSummary&) const = default;
};

// Where a record of `total_bytes` that starts at `start` ends, rounded as PostgreSQL does: page
// headers lie in between.
pg::Lsn end_of_record(pg::Lsn start, uint32_t total_bytes, uint32_t segment_bytes);
// Where the record before the one at `start` ends: nothing but a page's header can lie between.
pg::Lsn end_of_record_before(pg::Lsn start, uint32_t segment_bytes);

// As the reader gave it; views `kept`.
Record record_of(const KeptRecord& kept);

// The record that a PlainEnd was.
inline constexpr uint32_t kPlainEndBytes = kRecordHeaderBytes + 2 + 8;
Bytes plain_end_record(const PlainEnd& end);

// Gives `on_kept` and `on_plain_end` what they are for in the order in which it was written, until
// one of them returns false.
template <typename OnKept, typename OnPlainEnd>
void visit_in_order(const SegmentSummary& summary, OnKept on_kept, OnPlainEnd on_plain_end) {
  auto plain = summary.plain_ends.begin();
  for (const KeptRecord& kept : summary.kept) {
    for (; plain != summary.plain_ends.end() && plain->start < kept.start; ++plain) {
      if (!on_plain_end(*plain)) return;
    }
    if (!on_kept(kept)) return;
  }
  for (; plain != summary.plain_ends.end(); ++plain) {
    if (!on_plain_end(*plain)) return;
  }
}

// On which timeline the segment before must be looked for; nothing where no record goes on from it
// (then it is not needed), or where `first_page` is no page of this WAL.
std::optional<pg::TimelineId> timeline_of_unfinished_record(pg::SegmentName name,
                                                            ByteView first_page,
                                                            uint32_t segment_bytes);

// `segment` is the whole file, `previous` the one before it, or empty. Of catalogs that got other
// files before it, and are not in `catalogs`, no rows are seen. Never fails: what cannot be read is
// said in the summary.
SegmentSummary summarize_segment(pg::SegmentName name, ByteView segment, ByteView previous,
                                 const RecordReader::Expectations& expected,
                                 const CatalogFiles& catalogs = {});
// Likewise where of the segment before only its summary is at hand, which says how it ends.
SegmentSummary summarize_segment_after(const UnfinishedRecord& begun, pg::SegmentName name,
                                       ByteView segment, const RecordReader::Expectations& expected,
                                       const CatalogFiles& catalogs = {});

}  // namespace walkback::wal
