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

// What a backup holds of the tree below `directory`: names and contents, without what recovery
// adds.
std::map<std::string, std::string> contents_of(FileSystem& files, const std::string& directory);

}  // namespace walkback
