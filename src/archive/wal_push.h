// `walkback wal-push`: one WAL file into the repository, acknowledged when durable. Promise 3.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "store/object_store.h"

namespace walkback::archive {

struct WalPushOptions {
  std::string cluster;
  std::string path;    // as %p gives it: relative to the server's working directory, or absolute
  std::string pgdata;  // whose pg_control says which cluster this is
  int compression_level = 3;
  int workers = 2;  // frames compressed side by side
};

struct WalPushReport {
  std::string name;
  bool already_there = false;
  uint64_t bytes_raw = 0;
  uint64_t bytes_stored = 0;
  std::optional<Error> not_indexed;  // why `find` and plans must read the segment itself
};

// Refuses (kConflict, nothing overwritten) the same name with other bytes, and (kInvalid) a file
// whose first page says another cluster, another segment or another size, or that the server still
// writes. On success the segment survives power loss.
Result<WalPushReport> run_wal_push(const WalPushOptions& options, FileSystem& files,
                                   store::ObjectStore& objects);

}  // namespace walkback::archive
