#include "base/remove_tree.h"

#include <fmt/format.h>

namespace walkback {

namespace {

Result<void> unless_gone(Result<void> step) {
  if (!step.ok() && step.error().kind == ErrorKind::kMissing) return success();
  return step;
}

class TreeRemoval {
 public:
  TreeRemoval(FileSystem& files, uint64_t device) : files_(files), device_(device) {}

  Result<void> empty(const std::string& directory, std::string_view except) {
    Result<std::vector<DirectoryEntry>> entries = files_.list(directory);
    if (!entries.ok()) return unless_gone(std::move(entries).error());
    for (const DirectoryEntry& entry : *entries) {
      if (entry.name == except) continue;
      TRY(remove(join_path(directory, entry.name)));
    }
    return success();
  }

 private:
  // By what it is now: the listing may be of a moment ago.
  Result<void> remove(const std::string& path) {
    const std::optional<FileInfo> info = TRY(files_.link_status(path));
    if (!info) return success();
    if (info->device != device_) {
      return make_error(
          ErrorKind::kConflict,
          fmt::format("{} is of another file system: something is mounted there", path),
          "unmount it; then the rest can be removed");
    }
    if (info->type == FileType::kDirectory) TRY(empty(path, {}));
    return unless_gone(files_.remove(path));
  }

  FileSystem& files_;
  const uint64_t device_;
};

}  // namespace

Result<void> remove_tree(FileSystem& files, const std::string& directory, std::string_view last) {
  const std::optional<FileInfo> info = TRY(files.link_status(directory));
  if (!info) return success();
  if (info->type != FileType::kDirectory) {
    return make_error(ErrorKind::kConflict, directory + " is not a directory");
  }
  TreeRemoval removal(files, info->device);
  TRY(removal.empty(directory, last));
  TRY(removal.empty(directory, {}));
  return unless_gone(files.remove(directory));
}

}  // namespace walkback
