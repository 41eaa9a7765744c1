// The directories of a file store: each made once, durably in its parent, and never taken for
// granted.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "base/file_system.h"

namespace walkback::store {

// Thread-safe. `files` outlives it.
class DurableDirectories {
 public:
  DurableDirectories(FileSystem& files, std::string root, bool root_exists)
      : files_(files), root_(std::move(root)), root_existed_(root_exists) {}

  // On success `path`, which is the root or below it, exists and survives power loss, as does all
  // between.
  Result<void> make(const std::string& path);
  // kMissing when the root was there before and is gone.
  Result<void> check_root() const;

 private:
  Result<void> make_below_root(const std::string& path);
  Result<void> make_root();
  Result<void> sync_parent_of_root();

  FileSystem& files_;
  const std::string root_;
  std::atomic<bool> root_existed_;
  std::mutex mutex_;
  std::set<std::string> durable_;  // paths of those that exist and survive power loss
};

}  // namespace walkback::store
