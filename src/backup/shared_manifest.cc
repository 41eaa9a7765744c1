#include "backup/shared_manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/manifest_name.h"
#include "catalog/unreadable.h"

namespace walkback::backup {

namespace {
// Of pages that changed unexplained: beyond this, how many they are is what counts.
constexpr size_t kMostNamed = 1000;
}  // namespace

SharedManifest::SharedManifest(catalog::ManifestWriter& manifest, Parent* parent,
                               uint32_t pack_bytes, Progress& progress)
    : manifest_(manifest), parent_(parent), progress_(progress) {
  if (parent_ == nullptr) return;
  const std::vector<catalog::ManifestPack> packs = parent_->files.take_packs();
  thin_packs_ = backup::thin_packs(packs, false, pack_bytes);
  thin_map_packs_ = backup::thin_packs(packs, true, catalog::kMapPackBytes);
  pack_uses_.begin_with(packs);
}

Result<void> SharedManifest::add(const catalog::ManifestDirectory& directory) {
  std::lock_guard lock(mutex_);
  return manifest_.add(directory);
}

Result<void> SharedManifest::accept(pipeline::CopiedFile copied) {
  std::lock_guard lock(mutex_);
  judge_unexplained(copied);
  if (copied.doubtful_blocks.empty()) return add(std::move(copied));
  doubtful_.push_back(std::move(copied));
  return success();
}

Result<void> SharedManifest::take_over(const catalog::ManifestRecord& file) {
  std::lock_guard lock(mutex_);
  return take_over_locked(file);
}

Result<void> SharedManifest::take_over_locked(const catalog::ManifestRecord& file) {
  parent_->files.mark(file.place, file.name);
  ++files_;
  bytes_ += file.file_bytes;
  return manifest_.add(file);
}

bool SharedManifest::leaves_thin_map_pack(const pipeline::CopiedFile& copied,
                                          const catalog::ManifestRecord& record) const {
  const auto* place = std::get_if<catalog::ManifestRecord::MapPlace>(&record.map);
  return place != nullptr && !copied.source.parent->turns.empty() &&
         thin_map_packs_.contains(place->location.pack);
}

void SharedManifest::judge_unexplained(const pipeline::CopiedFile& copied) {
  if (copied.unexplained.empty()) return;
  const std::string name(manifest_name(copied.source.name).text);
  for (const pipeline::UnexplainedBlock& block : copied.unexplained) {
    UnexplainedPage page{name, block.block, block.lsn,
                         parent_ != nullptr && block.lsn > parent_->summary.start_lsn};
    if (block.maybe_replayed) {
      maybe_replayed_.push_back(std::move(page));
    } else {
      add_unexplained(std::move(page));
    }
  }
}

void SharedManifest::add_unexplained(UnexplainedPage page) {
  if (unexplained_.count++ >= kMostNamed) return;
  progress_.note(
      fmt::format("changed without a word of it in the WAL: {}, block {}", page.file, page.block));
  unexplained_.named.push_back(std::move(page));
}

Result<void> SharedManifest::settle(pg::Lsn stop_lsn) {
  std::lock_guard lock(mutex_);
  for (UnexplainedPage& page : maybe_replayed_) {
    if (page.lsn > stop_lsn) add_unexplained(std::move(page));
  }
  maybe_replayed_.clear();
  for (pipeline::CopiedFile& copied : doubtful_) {
    for (const pipeline::DoubtfulBlock& doubtful : copied.doubtful_blocks) {
      if (doubtful.lsn > stop_lsn) copied.bad_blocks.push_back(doubtful.block);
    }
    std::ranges::sort(copied.bad_blocks);
    TRY(add(std::move(copied)));
  }
  doubtful_.clear();
  TRY(forget_removed_files());
  parent_ = nullptr;
  return success();
}

Result<void> SharedManifest::forget_removed_files() {
  if (parent_ == nullptr) return success();
  return parent_->files.for_each_unmarked([&](const catalog::ManifestRecord& file) -> Result<void> {
    const Result<repo::PageMap> map = parent_->files.map_of(file);
    if (map.ok()) {
      pack_uses_.remove(*map);
      return success();
    }
    // Its packs count as used for longer than they are: no harm.
    const ErrorKind kind = map.error().kind;
    if (kind == ErrorKind::kMissing || catalog::is_unreadable(map.error())) return success();
    return map.error();
  });
}

Result<void> SharedManifest::add(pipeline::CopiedFile copied) {
  catalog::ManifestFile file;
  const ManifestName name = manifest_name(copied.source.name);
  file.name = name.text;
  file.place = name.place;
  file.mode = copied.source.mode;
  file.modified = copied.source.modified;
  file.bad_blocks = std::move(copied.bad_blocks);
  for (uint32_t block : file.bad_blocks) {
    bad_pages_.push_back({file.name, block});
    progress_.note(fmt::format("page checksum failure: {}, block {}", file.name, block));
  }
  if (copied.is_as_parent) {
    auto record = parent_->files.find(file.place, file.name);
    if (record && !leaves_thin_map_pack(copied, *record)) {
      record->mode = file.mode;
      record->modified = file.modified;
      record->bad_blocks = std::move(file.bad_blocks);
      return take_over_locked(*record);
    }
  }
  if (parent_ != nullptr) parent_->files.mark(file.place, file.name);
  if (copied.parent) pack_uses_.remove(*copied.parent);
  pack_uses_.add(copied.map);
  file.map = std::move(copied.map);
  ++files_;
  bytes_ += file.map.file_bytes;
  return manifest_.add(file);
}

}  // namespace walkback::backup
