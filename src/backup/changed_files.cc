#include "backup/changed_files.h"

#include <algorithm>

#include "backup/manifest_name.h"
#include "pg/data_directory.h"
#include "pg/page.h"

namespace walkback::backup {

namespace {
constexpr uint64_t kTurnBytes = uint64_t{pipeline::kRereadBlocks} * pg::kPageBytes;
}  // namespace

ChangedFiles::ChangedFiles(pipeline::FileSource& walk, const Parent& parent,
                           const RereadTurns& turns, const repo::PackIds& thin_packs,
                           pg::Version version, uint32_t relation_segment_blocks, LostParent& lost,
                           Unchanged unchanged)
    : walk_(walk),
      parent_(parent),
      turns_(turns),
      thin_packs_(thin_packs),
      version_(version),
      relation_segment_blocks_(relation_segment_blocks),
      lost_(lost),
      unchanged_(std::move(unchanged)) {}

Result<std::optional<pipeline::SourceFile>> ChangedFiles::next() {
  while (true) {
    std::optional<pipeline::SourceFile> file = TRY(walk_.next());
    if (!file) return file;
    const ManifestName name = manifest_name(file->name);
    std::optional<catalog::ManifestRecord> record = parent_.files.find(name.place, name.text);
    if (!record || record->file_bytes == 0) return file;
    std::optional<pipeline::BlocksToRead> blocks = blocks_of(*file, *record);
    std::vector<uint32_t> turns =
        turns_.of(name.place, name.text,
                  static_cast<uint32_t>((record->file_bytes + kTurnBytes - 1) / kTurnBytes));
    const bool unchanged = blocks && blocks->changed.empty() && blocks->damaged.empty() &&
                           blocks->all_from == UINT32_MAX && turns.empty() &&
                           file->size_hint == record->file_bytes &&
                           file->size_hint % pg::kPageBytes == 0;
    if (unchanged) {
      record->mode = file->mode;
      record->modified = file->modified;
      TRY(unchanged_(*record));
      continue;
    }
    pipeline::ParentCopy parent;
    if (blocks) parent.blocks = std::make_shared<pipeline::BlocksToRead>(*std::move(blocks));
    parent.turns = std::move(turns);
    parent.thin_packs = &thin_packs_;
    parent.map = [this, known = *std::move(record)] {
      Result<repo::PageMap> map = parent_.files.map_of(known);
      if (!map.ok()) lost_.see(map.error());
      return map;
    };
    file->parent = std::move(parent);
    return file;
  }
}

// Nothing where WAL does not tell of this file: then all of it is compared.
std::optional<pipeline::BlocksToRead> ChangedFiles::blocks_of(
    const pipeline::SourceFile& file, const catalog::ManifestRecord& record) const {
  if (!parent_.changes.since) return std::nullopt;
  const wal::ChangedSince& since = *parent_.changes.since;
  const std::optional<pg::RelationFile> relation = pg::parse_relation_path(file.name, version_);
  if (!relation || relation->name.fork != pg::Fork::kMain) return std::nullopt;
  if (since.is_new_database(relation->tablespace, relation->database)) return std::nullopt;
  pipeline::BlocksToRead blocks;
  const uint32_t first = relation->name.segment * relation_segment_blocks_;
  const wal::ChangedRelation* changed =
      since.find({relation->tablespace, relation->database, relation->name.number});
  if (changed != nullptr) {
    auto block = std::ranges::lower_bound(changed->blocks, first);
    for (; block != changed->blocks.end() && *block - first < relation_segment_blocks_; ++block) {
      blocks.changed.push_back(*block - first);
    }
    if (changed->whole_from != UINT32_MAX &&
        changed->whole_from < first + relation_segment_blocks_) {
      blocks.all_from = changed->whole_from - std::min(changed->whole_from, first);
    }
  }
  blocks.damaged = record.bad_blocks;
  return blocks;
}

}  // namespace walkback::backup
