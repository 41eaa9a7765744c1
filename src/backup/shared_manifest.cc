#include "backup/shared_manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/manifest_name.h"
#include "catalog/unreadable.h"

namespace walkback::backup {

SharedManifest::SharedManifest(catalog::ManifestWriter& manifest, Parent* parent,
                               Progress& progress)
    : manifest_(manifest), parent_(parent), progress_(progress) {
  if (parent_ != nullptr) pack_uses_.begin_with(parent_->files.take_packs());
}

Result<void> SharedManifest::add(const catalog::ManifestDirectory& directory) {
  std::lock_guard lock(mutex_);
  return manifest_.add(directory);
}

Result<void> SharedManifest::accept(pipeline::CopiedFile copied) {
  std::lock_guard lock(mutex_);
  if (copied.doubtful_blocks.empty()) return add(std::move(copied));
  doubtful_.push_back(std::move(copied));
  return success();
}

Result<void> SharedManifest::take_over(const catalog::ManifestRecord& file) {
  std::lock_guard lock(mutex_);
  parent_->files.mark(file.place, file.name);
  ++files_;
  bytes_ += file.file_bytes;
  return manifest_.add(file);
}

Result<void> SharedManifest::settle(pg::Lsn stop_lsn) {
  std::lock_guard lock(mutex_);
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
  if (parent_ != nullptr) parent_->files.mark(file.place, file.name);
  if (copied.parent) pack_uses_.remove(*copied.parent);
  pack_uses_.add(copied.map);
  file.mode = copied.source.mode;
  file.modified = copied.source.modified;
  file.map = std::move(copied.map);
  file.bad_blocks = std::move(copied.bad_blocks);
  for (uint32_t block : file.bad_blocks) {
    bad_pages_.push_back({file.name, block});
    progress_.note(fmt::format("page checksum failure: {}, block {}", file.name, block));
  }
  ++files_;
  bytes_ += file.map.file_bytes;
  return manifest_.add(file);
}

}  // namespace walkback::backup
