// Where a recovery may write, decided before anything is written.
//
// Promise 5: no data directory is ever emptied, and nothing writes to a path that belongs to a
// running cluster, its tablespaces included. Judged by what the paths really are (device and inode,
// symlinks resolved, bind mounts followed), never by how they are spelt.
#pragma once

#include <optional>
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

// Where replay makes a tablespace (replayed_tablespaces.h), and where it is to lie instead:
// `location` is, or becomes, a symbolic link to `place`, unless both are the same.
struct ReplayedPlace {
  std::string location;
  std::string place;
};

struct TargetLayout {
  std::string data_directory;           // absolute
  std::vector<Tablespace> tablespaces;  // where each will lie
  std::vector<ReplayedPlace> replayed;  // those that were mapped
};

// Every tablespace of the backup gets its new place: mapped, or where the directory that is reused
// has it (`reused`), or else DATA_DIRECTORY's sibling "DATA_DIRECTORY.tablespaces/OID" so that a
// copy never shares a path with the original by default. `replayed` are the locations that the WAL
// to be replayed makes: those that are neither mapped nor reused get no place. A mapping whose OLD
// matches no tablespace is kInvalid and lists those there are.
Result<TargetLayout> lay_out_target(std::string_view into, const std::vector<Tablespace>& saved,
                                    const std::vector<TablespaceMapping>& mappings,
                                    const std::vector<std::string>& replayed = {},
                                    const std::vector<Tablespace>& reused = {});

struct TargetNeed {
  uint64_t data_directory_bytes = 0;
  std::vector<uint64_t> tablespace_bytes;  // as layout.tablespaces
};

// What a copy must not lie in, and must not hold. Either may be empty: not known, or elsewhere.
struct Neighbours {
  std::string live_pgdata;
  std::vector<std::string> repositories;  // their directories
  // And every cluster that runs on this host, as far as this user sees it.
  bool running = false;
};

// What a recovery goes on from (reused_directory.h): its directories, the data directory first, and
// which of them need not be empty; and where it keeps what is not in the backup.
struct ReusedPlaces {
  std::vector<std::string> all;
  std::vector<std::string> may_hold_files;
  std::string kept;
};

// kConflict when any directory of the layout exists and is not empty, belongs to a running server
// (postmaster.pid names a living process), lies inside a data directory or a tablespace of the live
// cluster or inside the repository (or holds one), or two of them are the same, or when a replayed
// location is there or is what a tablespace of the live cluster links to; kDenied when this
// user may not make it, or does not own it; kNoSpace when their file systems have less than `need`
// free. What is reused may be the cluster's own directory, if that is stopped, and shares nothing
// with any cluster that runs on this host. Writes nothing.
Result<void> check_target(FileSystem& files, const TargetLayout& layout, const TargetNeed& need,
                          const Neighbours& neighbours, const ReusedPlaces& reused = {});

// Whether a recovery into `directory` began and was never finished.
Result<bool> is_unfinished_restore(FileSystem& files, const std::string& directory);
// kConflict that says so, and how to go on or what to remove; or, while another recovery is at it
// (it holds the directory's lock), to leave it alone.
Error unfinished_restore(FileSystem& files, const std::string& directory);

// The hint of it, for who knows that the restore is his own.
std::string how_to_remove(FileSystem& files, const std::string& directory);

// Whether `pgdata`'s postmaster.pid names a living postmaster. A stale file is not one.
Result<bool> server_is_running(FileSystem& files, const std::string& pgdata);

// What a running server's postmaster.pid says of where it answers.
struct RunningServer {
  int port = 0;
  std::string socket_directory;  // may be empty
};
// Nothing when none runs.
Result<std::optional<RunningServer>> find_running_server(FileSystem& files,
                                                         const std::string& pgdata);

}  // namespace walkback::restore
