#include "backup/shared_manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "backup/data_directory_walk.h"

namespace walkback::backup {

SharedManifest::SharedManifest(catalog::ManifestWriter& manifest, Progress& progress)
    : manifest_(manifest), progress_(progress) {}

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
  return success();
}

Result<void> SharedManifest::add(pipeline::CopiedFile copied) {
  catalog::ManifestFile file;
  file.name = std::move(copied.source.name);
  if (file.name.starts_with(DataDirectoryWalk::kConfigurationPrefix)) {
    file.place = catalog::Place::kConfiguration;
    file.name.erase(0, DataDirectoryWalk::kConfigurationPrefix.size());
  }
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
