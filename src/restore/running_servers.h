// Whether a server, or what is left of one, still runs on a directory: before a recovery goes on
// from what lies there.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::restore {

// Of the PostgreSQL processes of this host that this user may look at: their working directories,
// each once, which are their data directories (ChangeToDataDir() in
// src/backend/utils/init/miscinit.c). Empty where there is no /proc.
Result<std::vector<std::string>> running_data_directories(FileSystem& files);

// The processes of a server at work on `pgdata`: PostgreSQL's, with it as their working directory.
Result<std::vector<int>> server_processes(FileSystem& files, const std::string& pgdata);

// kConflict unless it is proved that nothing of a server runs on `pgdata`: postmaster.pid is absent
// or its process is gone or another's, no PostgreSQL process has it as its working directory, and
// nobody is attached to the shared memory that postmaster.pid names: after a kill -9 of the
// postmaster a backend may live on and write.
Result<void> check_is_stopped(FileSystem& files, const std::string& pgdata);

}  // namespace walkback::restore
