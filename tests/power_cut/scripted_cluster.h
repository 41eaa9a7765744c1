// A cluster that exists only as files and as a server that answers from a script: what a backup
// sees, on a disk whose power can be cut.
#pragma once

#include <memory>
#include <string>

#include "base/testing/manual_clock.h"
#include "base/testing/simulated_files.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback {

inline constexpr std::string_view kPgdata = "/pg";
inline constexpr std::string_view kRepository = "/repo";
inline constexpr std::string_view kCluster = "main";
inline constexpr std::string_view kSegment = "000000010000000000000003";

// Files of the cluster in `files` below kPgdata, durable: pg_control of PostgreSQL 15 with 1 MiB
// segments, relations of several sizes, configuration, one WAL segment whose header is real.
void make_scripted_cluster(FileSystem& files);

// Answers what run_backup() asks.
std::unique_ptr<pgconn::Connection> connect_scripted_server();

// The names of the files that only one of two data directories has, or that differ; but for those
// that recovery writes on purpose.
std::string differences(FileSystem& files, std::string_view a, std::string_view b);

}  // namespace walkback
