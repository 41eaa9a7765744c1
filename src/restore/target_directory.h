// Where a recovery may write, decided before anything is written.
//
// Promise 5: no data directory is ever emptied, and nothing writes to a path that belongs to a
// running cluster, its tablespaces included. Judged by what the paths really are (device and inode,
// symlinks resolved), never by how they are spelt.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

struct Tablespace {
  uint32_t oid = 0;
  std::string location;  // absolute
};

// OLD=NEW as the user gave it.
struct TablespaceMapping {
  std::string from;
  std::string to;
};

struct TargetLayout {
  std::string data_directory;           // absolute
  std::vector<Tablespace> tablespaces;  // where each will lie
};

// Every tablespace of the backup gets its new place: mapped, or else DATA_DIRECTORY's sibling
// "DATA_DIRECTORY.tablespaces/OID" so that a copy never shares a path with the original by default.
// A mapping whose OLD matches no tablespace is kInvalid and lists those there are.
Result<TargetLayout> lay_out_target(std::string_view into, const std::vector<Tablespace>& saved,
                                    const std::vector<TablespaceMapping>& mappings);

// kConflict when any directory of the layout exists and is not empty, belongs to a running server
// (postmaster.pid names a living process), lies inside a data directory or a tablespace of
// `live_pgdata` (or holds one), or two of them are the same; kNoSpace when their file systems have
// less than `needed_bytes` free (main, then tablespaces in order). Writes nothing.
struct TargetNeed {
  uint64_t data_directory_bytes = 0;
  std::vector<uint64_t> tablespace_bytes;  // as layout.tablespaces
};
Result<void> check_target(FileSystem& files, const TargetLayout& layout, const TargetNeed& need,
                          const std::string& live_pgdata);

// Whether `pgdata`'s postmaster.pid names a living postmaster. A stale file is not one.
Result<bool> server_is_running(FileSystem& files, const std::string& pgdata);

}  // namespace walkback::restore
