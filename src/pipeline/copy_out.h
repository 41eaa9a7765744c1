// From packs into a directory: fetch, decompress, check, write, in parallel.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>

#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "repo/page_map.h"
#include "store/object_store.h"

namespace walkback::pipeline {

struct TargetFile {
  std::string path;  // its directory exists; it does not yet, unless it may
  std::string name;  // in the backup, for messages
  uint32_t mode = 0600;
  repo::PageMap map;
  // A file there is made what the map says, and only what of it is not yet is fetched and written.
  // A symbolic link there, or one of several names of a file, goes: what others see through it
  // stays as it is.
  bool may_exist = false;
};

// Called from one thread at a time.
class TargetSource {
 public:
  virtual ~TargetSource() = default;
  virtual Result<std::optional<TargetFile>> next() = 0;
};

struct CopyOutOptions {
  int workers = 2;
  std::string pack_prefix;
};

struct CopyOutResult {
  uint64_t files = 0;
  uint64_t bytes_fetched = 0;  // from the repository
  uint64_t bytes_written = 0;
  uint64_t bytes_right = 0;  // were there already
};

// Every frame is checked against its hash before one byte of it is written; where only pages of its
// beginning are wanted, its stored bytes and each of these pages are. An error names the file and
// the pack. Write-back is started but nothing is durable yet: the caller syncs the file systems
// once.
Result<CopyOutResult> copy_out(FileSystem& files, store::ObjectStore& objects, TargetSource& source,
                               const CopyOutOptions& options, Progress& progress,
                               std::stop_token stop);

}  // namespace walkback::pipeline
