#include "wal/segment_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "pg/versions.h"
#include "wal/block_set.h"
#include "wal/flat_index.h"
#include "wal/names.h"
#include "wal/timed_event.h"
#include "wal/xlog_records.h"

namespace walkback::wal {
namespace {

constexpr size_t kBytesOfSmallTransaction = 600;

constexpr uint8_t kPlainEndHeader[] = {255, 8};  // main data of eight bytes, and nothing else

// Commit, abort: info without xinfo, and the time as all of the body.
bool is_plain_end(const Record& record) {
  if (record.rmgr != kTransactionRmgr || record.total_bytes() != kPlainEndBytes) return false;
  if (record.info != kCommit && record.info != kAbort) return false;
  return load<uint8_t>(record.bytes, kRecordHeaderBytes) == kPlainEndHeader[0] &&
         load<uint8_t>(record.bytes, kRecordHeaderBytes + 1) == kPlainEndHeader[1];
}

bool is_kept(const Record& record) {
  const uint8_t kind = record.info & 0xF0;
  switch (record.rmgr) {
    case kXlogRmgr:
      return kind == kXlogCheckpointShutdown || kind == kXlogCheckpointOnline ||
             kind == kXlogBackupEnd || kind == kXlogParameterChange || kind == kXlogRestorePoint ||
             kind == kXlogEndOfRecovery || kind == kXlogOverwriteContrecord;
    case kTransactionRmgr:
      return (record.info & kTransactionMask) <= kAssignment;
    case kStorageRmgr:
      return true;
    default:
      return may_be_timed_event(record);
  }
}

// `bytes` has the record's header at least.
Record record_of(pg::Lsn start, pg::Lsn end, ByteView bytes) {
  return {start,
          end,
          {load<uint64_t>(bytes, 8)},
          load<uint32_t>(bytes, 4),
          load<uint8_t>(bytes, 17),
          load<uint8_t>(bytes, 16),
          bytes};
}

// How much of a record that starts at `start` lies in front of `end`, which is a page's, without
// page headers in between; 0 where it starts behind.
uint64_t bytes_before(pg::Lsn start, pg::Lsn end, uint32_t segment_bytes) {
  uint64_t bytes = 0;
  for (pg::Lsn at = start; at < end; at.value = (at.value / kWalPageBytes + 1) * kWalPageBytes) {
    const uint64_t in_page = at.value % kWalPageBytes;
    const size_t header = at.value % segment_bytes == 0 ? kLongHeaderBytes : kShortHeaderBytes;
    bytes += in_page == 0 ? kWalPageBytes - header : kWalPageBytes - in_page;
  }
  return bytes;
}

// Numbers relations and forks in the order in which they are met.
class RelationForks {
 public:
  struct Fork {
    RelationLocator relation;
    pg::Fork fork = pg::Fork::kMain;
    auto operator<=>(const Fork&) const = default;
  };

  uint32_t number_of(const RelationLocator& relation, pg::Fork fork) {
    const Fork key{relation, fork};
    uint32_t& recent = recent_[slot_of(key)];
    if (recent < all_.size() && all_[recent] == key) return recent;
    const auto [at, is_new] = numbers_.emplace(key, static_cast<uint32_t>(all_.size()));
    if (is_new) all_.push_back(key);
    return recent = at->second;
  }
  const std::vector<Fork>& all() const { return all_; }

 private:
  static constexpr size_t kRecent = 256;
  static size_t slot_of(const Fork& key) {
    return (key.relation.number * 4 + static_cast<uint32_t>(key.fork) + key.relation.database) %
           kRecent;
  }

  std::array<uint32_t, kRecent> recent_{};
  std::map<Fork, uint32_t> numbers_;
  std::vector<Fork> all_;
};

// Who changed how many rows of what. Row counts of one xid form a list through `next`.
class Transactions {
 public:
  // Every record of the xid.
  uint32_t seen(pg::Xid xid, const SegmentSummary& summary) {
    uint32_t& recent = recent_[xid % kRecent];
    if (recent < all_.size() && all_[recent].xid == xid) return recent;
    const FlatIndex::Found found = index_.find_or_add(xid);
    if (found.is_new) {
      all_.push_back({xid, static_cast<uint32_t>(summary.plain_ends.size()),
                      static_cast<uint32_t>(summary.kept.size()), kNone});
    }
    return recent = found.number;
  }

  void add(uint32_t transaction, uint32_t relation, const RowCounts& rows) {
    uint32_t& first = all_[transaction].first_rows;
    uint32_t before = kNone;
    for (uint32_t at = first; at != kNone; before = at, at = rows_[at].next) {
      if (rows_[at].relation != relation) continue;
      rows_[at].rows += rows;
      // What was changed last is changed next.
      if (before != kNone) {
        rows_[before].next = rows_[at].next;
        rows_[at].next = first;
        first = at;
      }
      return;
    }
    rows_.push_back({relation, first, rows});
    first = static_cast<uint32_t>(rows_.size() - 1);
  }

  void list(const std::vector<RelationForks::Fork>& relations, SegmentSummary& summary) const {
    std::map<NumberedRows, uint32_t> lists{{{}, 0}};
    summary.row_lists.assign(1, {});
    summary.transactions.reserve(all_.size());
    NumberedRows rows, last_rows;  // as they come: neighbours do alike in the same order
    uint32_t row_list = 0;
    for (const Transaction& transaction : all_) {
      rows.clear();
      for (uint32_t at = transaction.first_rows; at != kNone; at = rows_[at].next) {
        rows.emplace_back(rows_[at].relation, rows_[at].rows);
      }
      if (rows != last_rows) {
        last_rows = rows;
        std::sort(rows.begin(), rows.end());
        const auto [list, is_new] =
            lists.emplace(rows, static_cast<uint32_t>(summary.row_lists.size()));
        if (is_new) summary.row_lists.push_back(named(rows, relations));
        row_list = list->second;
      }
      summary.transactions.push_back(
          {transaction.xid, transaction.ends_before, row_list, transaction.kept_before});
    }
  }

 private:
  using NumberedRows = std::vector<std::pair<uint32_t, RowCounts>>;

  static constexpr size_t kRecent = 256;
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Transaction {
    pg::Xid xid;
    uint32_t ends_before;
    uint32_t kept_before;
    uint32_t first_rows;
  };
  struct Rows {
    uint32_t relation;
    uint32_t next;
    RowCounts rows;
  };

  static std::vector<RelationRows> named(const NumberedRows& rows,
                                         const std::vector<RelationForks::Fork>& relations) {
    std::vector<RelationRows> named;
    for (const auto& [relation, counts] : rows) {
      named.push_back({relations[relation].relation, counts});
    }
    std::sort(named.begin(), named.end());
    return named;
  }

  std::array<uint32_t, kRecent> recent_{};
  FlatIndex index_;
  std::vector<Transaction> all_;
  std::vector<Rows> rows_;
};

class Summarizer {
 public:
  Summarizer(const RecordReader::Expectations& expected, const CatalogFiles& catalogs)
      : expected_(expected), catalogs_(catalogs) {}

  SegmentSummary summarize(pg::SegmentName name, ByteView segment, ByteView previous);
  SegmentSummary summarize(pg::SegmentName name, ByteView segment, const UnfinishedRecord& begun);

 private:
  // Whether the record that goes on in the segment begins in `previous`; then the reader stands
  // behind all that `previous` holds of it.
  bool read_beginning(pg::SegmentName name, ByteView segment, ByteView previous);
  // Likewise of `begun`, where that is all of its beginning.
  bool resume(pg::SegmentName name, ByteView segment, const UnfinishedRecord& begun);
  // Whether the blocks that it changes are known, though its data is not.
  bool take_blocks_of(const UnfinishedRecord& begun, ByteView segment);
  // Of decoded_; returns the number of the first one's relation.
  uint32_t add_blocks();
  SegmentSummary read(pg::SegmentName name, ByteView segment);
  std::optional<UnfinishedRecord> unfinished();
  Result<void> take(const Record& record);
  Result<void> take_rows(const Record& record, uint32_t transaction, uint32_t first_relation);
  void take_catalog_row(const Record& record, pg::Oid catalog);
  void add_row(CatalogRow row);
  // The catalog's relation whose file that one of relations_ is; 0 for none.
  pg::Oid catalog_in(uint32_t relation);

  const RecordReader::Expectations expected_;
  CatalogFiles catalogs_;
  std::vector<std::optional<pg::Oid>> catalog_in_;  // by number of relations_
  CatalogRowParts row_parts_;
  std::optional<RecordReader> reader_;
  DecodedRecord decoded_;
  RelationForks relations_;
  BlockSet blocks_;
  Transactions transactions_;
  SegmentSummary summary_;
};

SegmentSummary Summarizer::summarize(pg::SegmentName name, ByteView segment, ByteView previous) {
  const bool goes_on =
      timeline_of_unfinished_record(name, segment, expected_.segment_bytes).has_value();
  summary_.first_record_unknown = goes_on && !read_beginning(name, segment, previous);
  return read(name, segment);
}

SegmentSummary Summarizer::summarize(pg::SegmentName name, ByteView segment,
                                     const UnfinishedRecord& begun) {
  const bool goes_on =
      timeline_of_unfinished_record(name, segment, expected_.segment_bytes).has_value();
  summary_.first_record_unknown = goes_on && !resume(name, segment, begun);
  summary_.first_record_blocks_known =
      summary_.first_record_unknown && take_blocks_of(begun, segment);
  return read(name, segment);
}

SegmentSummary Summarizer::read(pg::SegmentName name, ByteView segment) {
  if (!reader_) reader_.emplace(expected_);
  reader_->feed(name, segment);
  summary_.plain_ends.reserve(segment.size() / kBytesOfSmallTransaction);
  Record record;
  Outcome outcome;
  while ((outcome = reader_->next(record)) == Outcome::kRecord) {
    if (!summary_.first_record) summary_.first_record = record.start;
    summary_.last_record = record.start;
    summary_.end = record.end;
    const Result<void> taken = take(record);
    if (taken.ok()) continue;
    // A record that this program misunderstands: nothing behind it is believed.
    summary_.problem = taken.error().message;
    summary_.end = record.start;
    break;
  }
  if (summary_.problem.empty() && outcome != Outcome::kEndOfInput) {
    summary_.problem = reader_->error().message;
    summary_.torn_tail = outcome == Outcome::kTornTail;
    summary_.end = reader_->position();
  }
  summary_.major = reader_->major();
  summary_.unfinished = unfinished();
  transactions_.list(relations_.all(), summary_);
  // Those put together from parts stand where their last part was.
  std::ranges::stable_sort(summary_.catalog_rows, {}, &CatalogRow::start);
  summary_.catalog_row_parts = row_parts_.unfinished();
  summary_.moved_catalogs = catalogs_.moved();
  std::vector<ChangedBlocks> changed(relations_.all().size());
  blocks_.for_each(
      [&](uint32_t relation, uint32_t block) { changed[relation].blocks.push_back(block); });
  for (size_t i = 0; i < changed.size(); ++i) {
    changed[i].relation = relations_.all()[i].relation;
    changed[i].fork = relations_.all()[i].fork;
  }
  std::sort(changed.begin(), changed.end(), [](const ChangedBlocks& a, const ChangedBlocks& b) {
    return std::pair(a.relation, a.fork) < std::pair(b.relation, b.fork);
  });
  summary_.changed = std::move(changed);
  return std::move(summary_);
}

bool Summarizer::read_beginning(pg::SegmentName name, ByteView segment, ByteView previous) {
  if (previous.size() != expected_.segment_bytes || name.number == 0) return false;
  // Backwards over the pages that the record covers whole, to the one that it begins on.
  size_t page = previous.size() - kWalPageBytes;
  for (;; page -= kWalPageBytes) {
    const PageHeader header = read_page_header(previous.subspan(page));
    const uint64_t remaining = (uint64_t{header.remaining} + 7) / 8 * 8;
    if (!header.continues() || remaining < kWalPageBytes - header.bytes()) break;
    if (page == 0) return false;
  }
  RecordReader::Expectations expected = expected_;
  const pg::SegmentName before{read_page_header(segment).timeline, name.number - 1};
  expected.search_from = before.start(expected.segment_bytes) + page;
  reader_.emplace(expected);
  reader_->feed(before, previous);
  Record record;
  Outcome outcome;
  while ((outcome = reader_->next(record)) == Outcome::kRecord) {
  }
  const bool goes_on =
      outcome == Outcome::kEndOfInput && reader_->position() < name.start(expected_.segment_bytes);
  if (!goes_on) reader_.reset();
  return goes_on;
}

bool Summarizer::resume(pg::SegmentName name, ByteView segment, const UnfinishedRecord& begun) {
  const pg::Lsn start = name.start(expected_.segment_bytes);
  if (bytes_before(begun.start, start, expected_.segment_bytes) != begun.bytes.size()) return false;
  const auto begin = [&] {
    reader_.emplace(expected_);
    if (!reader_->resume(begun.start, begun.bytes)) return false;
    reader_->feed(name, segment);
    return true;
  };
  // What a summary says is not the log: it counts where the record's checksum holds.
  Record record;
  const bool is_one = begin() && reader_->next(record) == Outcome::kRecord && begin();
  if (!is_one) reader_.reset();
  return is_one;
}

bool Summarizer::take_blocks_of(const UnfinishedRecord& begun, ByteView segment) {
  const PageHeader page = read_page_header(segment);
  const auto version = pg::version_of_wal_page_magic(page.magic);
  if (!version.ok() || begun.bytes.size() < kRecordHeaderBytes) return false;
  if (is_kept(record_of(begun.start, begun.start, begun.bytes))) return false;
  const uint64_t before = bytes_before(begun.start, page.address, expected_.segment_bytes);
  if (before + page.remaining != load<uint32_t>(begun.bytes, 0)) return false;
  const Result<std::optional<size_t>> headers =
      decoded_.decode_headers(begun.bytes, begun.start, version->major);
  if (!headers.ok() || !*headers) return false;
  add_blocks();
  return true;
}

// Of a record with rows in it, what stands in front of them.
std::optional<UnfinishedRecord> Summarizer::unfinished() {
  const ByteView bytes = reader_->unfinished();
  if (bytes.empty() || !summary_.problem.empty()) return std::nullopt;
  const pg::Lsn start = reader_->position();
  if (bytes.size() >= kRecordHeaderBytes && !is_kept(record_of(start, start, bytes))) {
    const Result<std::optional<size_t>> headers =
        decoded_.decode_headers(bytes, start, reader_->major());
    if (!headers.ok()) return std::nullopt;
    if (*headers) return UnfinishedRecord{start, to_bytes(bytes.first(**headers))};
  }
  return UnfinishedRecord{start, to_bytes(bytes)};
}

Result<void> Summarizer::take(const Record& record) {
  const uint32_t transaction = record.xid == 0 ? 0 : transactions_.seen(record.xid, summary_);
  if (is_plain_end(record)) {
    summary_.plain_ends.push_back({record.start, record.xid, record.info == kCommit,
                                   load<int64_t>(record.bytes, kPlainEndBytes - 8)});
    return success();
  }
  TRY(decoded_.decode(record, reader_->major()));
  const uint32_t first_relation = add_blocks();
  if (record.rmgr == kHeapRmgr || record.rmgr == kHeap2Rmgr) {
    return take_rows(record, transaction, first_relation);
  }
  if (record.rmgr == kBtreeRmgr) {
    const pg::Oid index = decoded_.blocks().empty() ? 0 : catalog_in(first_relation);
    if (index == 0) return success();
    std::optional<CatalogRow> row = row_parts_.add_entries(record, decoded_, index);
    if (row) add_row(*std::move(row));
  } else if (record.rmgr == kRelationMapRmgr) {
    const Result<RelationMapUpdate> update = parse_relation_map_update(decoded_.main_data());
    if (!update.ok()) return success();
    catalogs_.add(update->database, update->map);
    catalog_in_.clear();
  } else if (is_kept(record)) {
    summary_.kept.push_back({record.start, record.end, to_bytes(record.bytes)});
  }
  return success();
}

uint32_t Summarizer::add_blocks() {
  uint32_t first_relation = 0;
  for (const BlockReference& block : decoded_.blocks()) {
    const uint32_t relation = relations_.number_of(block.relation, block.fork);
    if (&block == decoded_.blocks().data()) first_relation = relation;
    blocks_.add(relation, block.block);
  }
  return first_relation;
}

Result<void> Summarizer::take_rows(const Record& record, uint32_t transaction,
                                   uint32_t first_relation) {
  RowCounts rows;
  const RowChange change = read_row_counts(record, decoded_.main_data(), rows);
  if (change == RowChange::kTooShort) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("record at {}: too short for what it does", record.start.text()));
  }
  const bool counts = change == RowChange::kCounted && record.xid != 0;
  if (!counts || decoded_.blocks().empty()) return success();
  transactions_.add(transaction, first_relation, rows);
  const pg::Oid catalog = catalog_in(first_relation);
  const bool is_named =
      catalog == kRelationCatalog || catalog == kSchemaCatalog || catalog == kDatabaseCatalog;
  if (is_named) take_catalog_row(record, catalog);
  return success();
}

void Summarizer::take_catalog_row(const Record& record, pg::Oid catalog) {
  const std::optional<RowPlace> place = place_of_new_row(record, decoded_);
  const pg::Oid database = decoded_.blocks().front().relation.database;
  std::optional<CatalogRow> row = read_catalog_row(record, decoded_, catalog, reader_->major());
  if (row) {
    add_row(*std::move(row));
    if (place && catalog == kRelationCatalog) row_parts_.is_whole(record.xid, database, *place);
  } else if (place && catalog == kRelationCatalog && (record.info & kHeapMask) == kHeapUpdate) {
    const std::optional<char> kind = logged_relation_kind(record, decoded_, reader_->major());
    row_parts_.add({record.start, record.xid, database, *place, {}, kind, {}, {}});
  }
}

// pg_namespace is in no map: pg_class says which file it has.
void Summarizer::add_row(CatalogRow row) {
  const bool is_relation = row.of == CatalogRow::Of::kRelation;
  if (is_relation && row.oid == kSchemaCatalog && row.file != 0) {
    catalogs_.add({row.database, row.oid, row.file});
    catalog_in_.clear();
  }
  summary_.catalog_rows.push_back(std::move(row));
}

pg::Oid Summarizer::catalog_in(uint32_t relation) {
  if (relation >= catalog_in_.size()) catalog_in_.resize(relations_.all().size());
  std::optional<pg::Oid>& known = catalog_in_[relation];
  if (!known) known = catalogs_.relation_in(relations_.all()[relation].relation);
  return *known;
}

}  // namespace

pg::Lsn end_of_record(pg::Lsn start, uint32_t total_bytes, uint32_t segment_bytes) {
  pg::Lsn at = start;
  for (uint64_t left = total_bytes; left > 0;) {
    if (at.value % kWalPageBytes == 0) {
      at = at + (at.value % segment_bytes == 0 ? kLongHeaderBytes : kShortHeaderBytes);
    }
    const uint64_t here = std::min<uint64_t>(left, kWalPageBytes - at.value % kWalPageBytes);
    at = at + here;
    left -= here;
  }
  return {(at.value + 7) & ~uint64_t{7}};
}

pg::Lsn end_of_record_before(pg::Lsn start, uint32_t segment_bytes) {
  const pg::Lsn page{start.value / kWalPageBytes * kWalPageBytes};
  const size_t header = page.value % segment_bytes == 0 ? kLongHeaderBytes : kShortHeaderBytes;
  return start - page == header ? page : start;
}

Record record_of(const KeptRecord& kept) { return record_of(kept.start, kept.end, kept.bytes); }

Bytes plain_end_record(const PlainEnd& end) {
  Bytes bytes(kPlainEndBytes);
  const uint32_t total = kPlainEndBytes;
  std::memcpy(bytes.data(), &total, 4);
  std::memcpy(bytes.data() + 4, &end.xid, 4);
  bytes[16] = static_cast<std::byte>(end.committed ? kCommit : kAbort);
  bytes[17] = static_cast<std::byte>(kTransactionRmgr);
  std::memcpy(bytes.data() + kRecordHeaderBytes, kPlainEndHeader, sizeof kPlainEndHeader);
  std::memcpy(bytes.data() + kPlainEndBytes - 8, &end.pg_time, 8);
  return bytes;
}

std::optional<pg::TimelineId> timeline_of_unfinished_record(pg::SegmentName name,
                                                            ByteView first_page,
                                                            uint32_t segment_bytes) {
  const PageHeader header = read_page_header(first_page);
  if (header.address != name.start(segment_bytes) || !header.continues()) return std::nullopt;
  return header.timeline;
}

SegmentSummary summarize_segment(pg::SegmentName name, ByteView segment, ByteView previous,
                                 const RecordReader::Expectations& expected,
                                 const CatalogFiles& catalogs) {
  return Summarizer(expected, catalogs).summarize(name, segment, previous);
}

SegmentSummary summarize_segment_after(const UnfinishedRecord& begun, pg::SegmentName name,
                                       ByteView segment, const RecordReader::Expectations& expected,
                                       const CatalogFiles& catalogs) {
  return Summarizer(expected, catalogs).summarize(name, segment, begun);
}

}  // namespace walkback::wal
