// Which of the libraries that the cluster loads at start a recovered copy loads too.
//
// A library that is not on this host keeps the server from starting. One with a background worker
// acts by itself: pg_cron sends mails, a retention job drops the very rows that were recovered. But
// one whose WAL has to be replayed must be there (custom WAL resource managers, PostgreSQL 15). So
// a library is judged by what it calls, as its dynamic symbols say, and only few by their name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

enum class LibraryFate {
  kLoaded,
  kMissing,      // not on this host, or nobody knows where this host's libraries are
  kActsByItself  // it starts a background worker
};

struct LibraryPaths {
  std::string library_directory;  // $libdir; empty when not known
  std::string dynamic_library_path = "$libdir";
};

LibraryFate judge_shared_library(FileSystem& files, std::string_view name,
                                 const LibraryPaths& paths);
// For a scratch server, of one that is loaded by a copy: whether WAL cannot be replayed or tables
// not be read without it. Others only watch, log and authenticate, and some of them reach out: for
// a key (pgsodium runs a command of the original's for it), or to a collector.
bool is_needed_to_read(FileSystem& files, std::string_view name, const LibraryPaths& paths);
// For libraries that each session loads: only whether it is here. `plugins`:
// local_preload_libraries, which are looked for in $libdir/plugins.
bool session_library_is_here(FileSystem& files, std::string_view name, const LibraryPaths& paths,
                             bool plugins);

// "a, "b"" as PostgreSQL splits it (SplitDirectoriesString, src/backend/utils/adt/varlena.c).
std::vector<std::string> split_library_list(std::string_view list);
std::string join_library_list(const std::vector<std::string>& names);

}  // namespace walkback::restore
