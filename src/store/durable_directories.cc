#include "store/durable_directories.h"

namespace walkback::store {
namespace {

constexpr uint32_t kDirectoryMode = 0750;

}  // namespace

// A directory found there may have been made by a process that died before it synced the parent, so
// it is trusted only once this process has synced it. That costs one flush a level in the first put
// of a process.
Result<void> DurableDirectories::make(const std::string& path) {
  {
    std::lock_guard lock(mutex_);
    if (durable_.contains(path)) return success();
  }
  TRY(path == root_ ? make_root() : make_below_root(path));
  std::lock_guard lock(mutex_);
  durable_.insert(path);
  return success();
}

Result<void> DurableDirectories::make_below_root(const std::string& path) {
  std::string parent = parent_path(path);
  TRY(make(parent));
  TRY(files_.make_directory(path, kDirectoryMode));
  return files_.sync_directory(parent);
}

Result<void> DurableDirectories::make_root() {
  TRY(check_root());
  TRY(files_.make_directory(root_, kDirectoryMode));
  root_existed_ = true;
  return sync_parent_of_root();
}

Result<void> DurableDirectories::sync_parent_of_root() {
  Result<void> synced = files_.sync_directory(parent_path(root_));
  if (synced.ok() || synced.error().kind != ErrorKind::kDenied) return synced;
  // Somebody else's directory, which this user may pass through and not open.
  return files_.sync_file_system(root_);
}

Result<void> DurableDirectories::check_root() const {
  if (!root_existed_ || TRY(files_.status(root_))) return success();
  return make_error(ErrorKind::kMissing, "the directory " + root_ + " is gone");
}

}  // namespace walkback::store
