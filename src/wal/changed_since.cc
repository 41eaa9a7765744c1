#include "wal/changed_since.h"

#include <algorithm>

#include "base/sort_unique.h"
#include "wal/names.h"
#include "wal/record.h"
#include "wal/timed_event.h"
#include "wal/xlog_records.h"

namespace walkback::wal {

namespace {
constexpr size_t kOutOfOrder = 16384;
}  // namespace

Result<void> ChangedSince::see(const SegmentSummary& summary) {
  for (const ChangedBlocks& changed : summary.changed) {
    if (changed.fork != pg::Fork::kMain) continue;
    Relation& relation = relations_[changed.relation];
    std::vector<uint32_t>& blocks = relation.changed.blocks;
    blocks.insert(blocks.end(), changed.blocks.begin(), changed.blocks.end());
    // Memory is for blocks, not for how often they changed.
    if (blocks.size() > 2 * relation.in_order + kOutOfOrder) put_in_order(relation);
  }
  for (const KeptRecord& kept : summary.kept) TRY(see_kept(kept));
  return success();
}

Result<void> ChangedSince::see_kept(const KeptRecord& kept) {
  const Record record = record_of(kept);
  if (record.rmgr == kStorageRmgr) {
    DecodedRecord decoded;
    TRY(decoded.decode(record, major_));
    if ((record.info & 0xF0) == kStorageCreate) {
      const StorageCreate created = TRY(parse_storage_create(decoded.main_data()));
      if (created.fork == pg::Fork::kMain) relations_[created.relation].changed.whole_from = 0;
    } else if ((record.info & 0xF0) == kStorageTruncate) {
      const StorageTruncate cut = TRY(parse_storage_truncate(decoded.main_data()));
      uint32_t& whole_from = relations_[cut.relation].changed.whole_from;
      if (cut.main) whole_from = std::min(whole_from, cut.blocks);
    }
    return success();
  }
  TimedEvents events(major_);
  const std::optional<TimedEvent> event = TRY(events.of(record));
  if (!event) return success();
  if (event->wal_level() == pg::WalLevel::kMinimal) {
    unreliable_ = "wal_level was minimal at LSN " + event->start.text();
  } else if (const auto* created = std::get_if<DatabaseCreate>(&event->what)) {
    new_databases_.emplace(created->tablespace, created->database);
  }
  return success();
}

void ChangedSince::finish() {
  for (auto& [locator, relation] : relations_) {
    put_in_order(relation);
    ChangedRelation& changed = relation.changed;
    changed.blocks.erase(std::ranges::lower_bound(changed.blocks, changed.whole_from),
                         changed.blocks.end());
  }
}

void ChangedSince::put_in_order(Relation& relation) {
  std::vector<uint32_t>& blocks = relation.changed.blocks;
  sort_unique(blocks);
  relation.in_order = blocks.size();
}

const ChangedRelation* ChangedSince::find(const RelationLocator& relation) const {
  const auto found = relations_.find(relation);
  return found == relations_.end() ? nullptr : &found->second.changed;
}

bool ChangedSince::is_new_database(pg::Oid tablespace, pg::Oid database) const {
  return new_databases_.contains({tablespace, database});
}

}  // namespace walkback::wal
