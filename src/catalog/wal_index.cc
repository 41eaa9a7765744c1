#include "catalog/wal_index.h"

#include <algorithm>

#include "base/sort_unique.h"
#include "catalog/sealed_message.h"
#include "catalog/wal_index.pb.h"

namespace walkback::catalog {

namespace {

constexpr uint16_t kVersion = 1;
constexpr int kCompressionLevel = 3;
constexpr size_t kLargestIndex = 64 << 20;

Error damaged(const store::ObjectKey& key) {
  return make_error(ErrorKind::kCorrupt, key.text() + " is damaged: it is no WAL index",
                    "restore this object from another copy of the repository");
}

// Each record begins at such a multiple: PostgreSQL's MAXALIGN.
constexpr uint64_t kAlignment = 8;

// One column, each value less the one before it. Wraps around, and so holds whatever 64 bits hold.
class Steps {
 public:
  int64_t down(uint64_t value) { return static_cast<int64_t>(value - std::exchange(last_, value)); }
  uint64_t up(int64_t step) { return last_ += static_cast<uint64_t>(step); }

 private:
  uint64_t last_ = 0;
};

// ---- encoding ----

void encode(const wal::RelationLocator& relation, proto::Relation& message) {
  message.set_tablespace(relation.tablespace);
  message.set_database(relation.database);
  message.set_number(relation.number);
}

void encode_ends(const std::vector<wal::PlainEnd>& ends, proto::SegmentSummary& message) {
  Steps starts, xids, times, aborts;
  for (size_t i = 0; i < ends.size(); ++i) {
    message.add_end_start(static_cast<uint64_t>(starts.down(ends[i].start.value / kAlignment)));
    message.add_end_xid(xids.down(ends[i].xid));
    message.add_end_time(times.down(static_cast<uint64_t>(ends[i].pg_time)));
    if (!ends[i].committed) message.add_aborts(static_cast<uint32_t>(aborts.down(i)));
  }
}

void encode_changed(const std::vector<wal::ChangedBlocks>& all, proto::SegmentSummary& message) {
  for (const wal::ChangedBlocks& changed : all) {
    proto::SegmentSummary::ChangedBlocks& added = *message.add_changed();
    encode(changed.relation, *added.mutable_relation());
    added.set_fork(static_cast<uint32_t>(changed.fork));
    uint32_t last = 0;
    added.mutable_blocks()->Reserve(static_cast<int>(changed.blocks.size()));
    for (const uint32_t block : changed.blocks)
      added.add_blocks(block - std::exchange(last, block));
  }
}

void encode_transactions(const wal::SegmentSummary& summary, proto::SegmentSummary& message) {
  Steps xids, ends_before, kept_before;
  for (const wal::TransactionWork& work : summary.transactions) {
    message.add_xid(xids.down(work.xid));
    message.add_ends_before(static_cast<uint32_t>(ends_before.down(work.ends_before)));
    message.add_row_list(work.row_list);
    message.add_kept_before(static_cast<uint32_t>(kept_before.down(work.kept_before)));
  }
  std::vector<wal::RelationLocator> relations;
  for (const auto& list : summary.row_lists) {
    for (const wal::RelationRows& rows : list) relations.push_back(rows.relation);
  }
  sort_unique(relations);
  for (const wal::RelationLocator& relation : relations) {
    encode(relation, *message.add_relations());
  }
  for (const auto& list : summary.row_lists) {
    proto::SegmentSummary::RowList& added = *message.add_row_lists();
    for (const wal::RelationRows& rows : list) {
      const auto at = std::lower_bound(relations.begin(), relations.end(), rows.relation);
      added.add_relation(static_cast<uint32_t>(at - relations.begin()));
      added.add_inserted(rows.rows.inserted);
      added.add_updated(rows.rows.updated);
      added.add_deleted(rows.rows.deleted);
    }
  }
}

void encode(const wal::CatalogRow& row, proto::SegmentSummary::CatalogRow& message) {
  message.set_of(static_cast<uint32_t>(row.of));
  message.set_start(row.start.value);
  message.set_xid(row.xid);
  message.set_database(row.database);
  message.set_oid(row.oid);
  message.set_name(row.name);
  message.set_schema(row.schema);
  message.set_tablespace(row.tablespace);
  message.set_file(row.file);
  message.set_kind(static_cast<uint8_t>(row.kind));
  message.set_is_update(row.is_update);
}

void encode(const wal::CatalogRowPart& part, proto::SegmentSummary::CatalogRowPart& message) {
  message.set_start(part.start.value);
  message.set_xid(part.xid);
  message.set_database(part.database);
  message.set_block(part.place.block);
  message.set_number(part.place.number);
  if (part.oid) message.set_oid(*part.oid);
  if (part.kind) message.set_kind(static_cast<uint8_t>(*part.kind));
  if (part.name) {
    message.set_name(part.name->name);
    message.set_schema(part.name->schema);
  }
  if (part.file) {
    message.set_file(part.file->number);
    message.set_tablespace(part.file->tablespace);
  }
}

void encode(const wal::MovedCatalog& moved, proto::SegmentSummary::MovedCatalog& message) {
  message.set_database(moved.database);
  message.set_relation(moved.relation);
  message.set_file(moved.file);
}

void encode(const wal::SegmentSummary& summary, proto::SegmentSummary& message) {
  message.set_major(static_cast<uint32_t>(summary.major));
  message.set_problem(summary.problem);
  message.set_torn_tail(summary.torn_tail);
  message.set_first_record_unknown(summary.first_record_unknown);
  message.set_first_record(summary.first_record.value);
  message.set_last_record(summary.last_record.value);
  message.set_end(summary.end.value);
  for (const wal::KeptRecord& kept : summary.kept) {
    proto::SegmentSummary::KeptRecord& added = *message.add_kept();
    added.set_start(kept.start.value);
    added.set_end(kept.end.value);
    added.set_record(kept.bytes.data(), kept.bytes.size());
  }
  encode_ends(summary.plain_ends, message);
  encode_changed(summary.changed, message);
  encode_transactions(summary, message);
  for (const wal::CatalogRow& row : summary.catalog_rows) encode(row, *message.add_catalog_rows());
  for (const wal::CatalogRowPart& part : summary.catalog_row_parts) {
    encode(part, *message.add_catalog_row_parts());
  }
  for (const wal::MovedCatalog& moved : summary.moved_catalogs) {
    encode(moved, *message.add_moved_catalogs());
  }
  if (summary.unfinished) {
    const Bytes& bytes = summary.unfinished->bytes;
    message.mutable_unfinished()->set_start(summary.unfinished->start.value);
    message.mutable_unfinished()->set_bytes(bytes.data(), bytes.size());
  }
  message.set_first_record_blocks_known(summary.first_record_blocks_known);
}

// ---- decoding: nothing here is believed ----

wal::RelationLocator decode(const proto::Relation& message) {
  return {message.tablespace(), message.database(), message.number()};
}

bool decode_ends(const proto::SegmentSummary& message, std::vector<wal::PlainEnd>& ends) {
  const int count = message.end_start_size();
  if (message.end_xid_size() != count || message.end_time_size() != count) return false;
  Steps starts, xids, times, aborts;
  ends.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    ends.push_back({{starts.up(static_cast<int64_t>(message.end_start(i))) * kAlignment},
                    static_cast<pg::Xid>(xids.up(message.end_xid(i))),
                    true,
                    static_cast<int64_t>(times.up(message.end_time(i)))});
  }
  for (const uint32_t step : message.aborts()) {
    const uint64_t at = aborts.up(step);
    if (at >= ends.size()) return false;
    ends[at].committed = false;
  }
  return true;
}

bool decode_changed(const proto::SegmentSummary& message, std::vector<wal::ChangedBlocks>& all) {
  for (const proto::SegmentSummary::ChangedBlocks& changed : message.changed()) {
    if (changed.fork() > static_cast<uint32_t>(pg::Fork::kInit)) return false;
    wal::ChangedBlocks& added = all.emplace_back();
    added.relation = decode(changed.relation());
    added.fork = static_cast<pg::Fork>(changed.fork());
    added.blocks.reserve(static_cast<size_t>(changed.blocks_size()));
    uint64_t block = 0;
    for (const uint32_t step : changed.blocks()) {
      block += step;
      const bool first = added.blocks.empty();
      if ((step == 0 && !first) || block > UINT32_MAX) return false;
      added.blocks.push_back(static_cast<uint32_t>(block));
    }
  }
  return true;
}

bool decode_row_list(const proto::SegmentSummary& message,
                     const proto::SegmentSummary::RowList& list,
                     std::vector<wal::RelationRows>& rows) {
  const int count = list.relation_size();
  if (list.inserted_size() != count || list.updated_size() != count ||
      list.deleted_size() != count) {
    return false;
  }
  for (int i = 0; i < count; ++i) {
    if (list.relation(i) >= static_cast<uint32_t>(message.relations_size())) return false;
    rows.push_back({decode(message.relations(static_cast<int>(list.relation(i)))),
                    {list.inserted(i), list.updated(i), list.deleted(i)}});
  }
  return true;
}

bool decode_transactions(const proto::SegmentSummary& message, wal::SegmentSummary& summary) {
  const int count = message.xid_size();
  if (message.ends_before_size() != count || message.row_list_size() != count) return false;
  const bool has_kept_before = message.kept_before_size() > 0;
  if (has_kept_before && message.kept_before_size() != count) return false;
  for (const proto::SegmentSummary::RowList& list : message.row_lists()) {
    if (!decode_row_list(message, list, summary.row_lists.emplace_back())) return false;
  }
  Steps xids, ends_before, kept_before;
  summary.transactions.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) {
    const wal::TransactionWork work{
        static_cast<pg::Xid>(xids.up(message.xid(i))),
        static_cast<uint32_t>(ends_before.up(message.ends_before(i))), message.row_list(i),
        has_kept_before ? static_cast<uint32_t>(kept_before.up(message.kept_before(i))) : 0};
    if (work.ends_before > summary.plain_ends.size()) return false;
    if (work.kept_before > summary.kept.size()) return false;
    if (work.row_list >= summary.row_lists.size()) return false;
    summary.transactions.push_back(work);
  }
  return true;
}

bool decode_catalog_rows(const proto::SegmentSummary& message, std::vector<wal::CatalogRow>& rows) {
  for (const proto::SegmentSummary::CatalogRow& row : message.catalog_rows()) {
    if (row.of() < 1 || row.of() > 3 || row.kind() > 127) return false;
    rows.push_back({static_cast<wal::CatalogRow::Of>(row.of()),
                    {row.start()},
                    row.xid(),
                    row.database(),
                    row.oid(),
                    row.name(),
                    row.schema(),
                    row.tablespace(),
                    row.file(),
                    static_cast<char>(row.kind()),
                    row.is_update()});
  }
  return true;
}

bool decode_catalog_row_parts(const proto::SegmentSummary& message,
                              std::vector<wal::CatalogRowPart>& parts) {
  for (const proto::SegmentSummary::CatalogRowPart& from : message.catalog_row_parts()) {
    if (from.number() > UINT16_MAX || from.kind() > 127) return false;
    wal::CatalogRowPart& part = parts.emplace_back();
    part.start = {from.start()};
    part.xid = from.xid();
    part.database = from.database();
    part.place = {from.block(), static_cast<uint16_t>(from.number())};
    if (from.has_oid()) part.oid = from.oid();
    if (from.has_kind()) part.kind = static_cast<char>(from.kind());
    if (from.has_name()) part.name = {from.schema(), from.name()};
    if (from.has_file()) part.file = {from.tablespace(), from.file()};
  }
  return true;
}

std::optional<wal::SegmentSummary> decode(const proto::SegmentSummary& message) {
  wal::SegmentSummary summary;
  summary.major = static_cast<int>(message.major());
  summary.problem = message.problem();
  summary.torn_tail = message.torn_tail();
  summary.first_record_unknown = message.first_record_unknown();
  summary.first_record = {message.first_record()};
  summary.last_record = {message.last_record()};
  summary.end = {message.end()};
  for (const proto::SegmentSummary::KeptRecord& kept : message.kept()) {
    // So much at least is what every reader of records takes for granted.
    if (kept.record().size() < wal::kRecordHeaderBytes) return std::nullopt;
    summary.kept.push_back({{kept.start()}, {kept.end()}, to_bytes(as_bytes(kept.record()))});
  }
  const bool whole =
      decode_ends(message, summary.plain_ends) && decode_changed(message, summary.changed) &&
      decode_transactions(message, summary) && decode_catalog_rows(message, summary.catalog_rows) &&
      decode_catalog_row_parts(message, summary.catalog_row_parts);
  if (!whole) return std::nullopt;
  for (const proto::SegmentSummary::MovedCatalog& moved : message.moved_catalogs()) {
    summary.moved_catalogs.push_back({moved.database(), moved.relation(), moved.file()});
  }
  if (message.has_unfinished()) {
    summary.unfinished = {{message.unfinished().start()},
                          to_bytes(as_bytes(message.unfinished().bytes()))};
  }
  summary.first_record_blocks_known = message.first_record_blocks_known();
  return summary;
}

}  // namespace

std::string encode_wal_index(const WalIndex& index) {
  proto::WalIndex message;
  message.set_segment_hash(index.segment_hash.bytes.data(), index.segment_hash.bytes.size());
  if (index.summary) encode(*index.summary, *message.mutable_summary());
  return message.SerializeAsString();
}

std::optional<WalIndex> decode_wal_index(ByteView payload) {
  proto::WalIndex message;
  WalIndex index;
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      message.segment_hash().size() != index.segment_hash.bytes.size()) {
    return std::nullopt;
  }
  std::ranges::copy(as_bytes(message.segment_hash()), index.segment_hash.bytes.begin());
  if (!message.has_summary()) return index;
  index.summary = decode(message.summary());
  if (!index.summary) return std::nullopt;
  return index;
}

ChangesSettings changes_settings(const wal::SegmentSummary& summary) {
  const auto is_change = [](const wal::KeptRecord& kept) {
    const wal::Record record = wal::record_of(kept);
    return record.rmgr == wal::kXlogRmgr && (record.info & 0xF0) == wal::kXlogParameterChange;
  };
  if (std::ranges::any_of(summary.kept, is_change)) return ChangesSettings::kYes;
  return summary.says_all() ? ChangesSettings::kNo : ChangesSettings::kNotKnown;
}

Result<store::PutOutcome> put_wal_index(store::ObjectStore& objects, const store::ObjectKey& key,
                                        const WalIndex& index) {
  const std::string payload = encode_wal_index(index);
  return put_sealed(objects, key, repo::SealedKind::kWalIndex, kVersion, kCompressionLevel,
                    payload);
}

Result<std::optional<WalIndex>> get_wal_index(store::ObjectStore& objects,
                                              const store::ObjectKey& key) {
  const Result<Bytes> payload =
      get_sealed(objects, key, repo::SealedKind::kWalIndex, kVersion, kLargestIndex);
  if (!payload.ok() && payload.error().kind == ErrorKind::kMissing) {
    return std::optional<WalIndex>();
  }
  if (!payload.ok()) return payload.error();
  std::optional<WalIndex> index = decode_wal_index(*payload);
  if (!index) return damaged(key);
  return index;
}

}  // namespace walkback::catalog
