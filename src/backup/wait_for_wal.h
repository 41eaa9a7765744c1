// A backup is only good with its WAL: waiting until the repository has it.
#pragma once

#include <chrono>
#include <stop_token>

#include "backup/server_session.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::backup {

// kInvalid when the server's archive_command is another program's and what it last archived is not
// in the repository: a backup would wait for its WAL in vain. A command that calls walkback among
// other things passes.
Result<void> check_archives_here(const ServerFacts& facts, const catalog::WalArchive& archive);

// Every segment from the one that holds `start` to the one that holds the byte before `stop`, on
// `timeline`. kTransient after `timeout`, with the archiver's own last failure in the message;
// kInvalid as soon as the server calls one archived that is not in the repository;
// kConflict when the repository holds another segment of that name than `pg_wal`.
Result<void> wait_for_wal(const catalog::WalArchive& archive, FileSystem& files,
                          const std::string& pg_wal, pgconn::Connection& connection,
                          pg::TimelineId timeline, pg::Lsn start, pg::Lsn stop, Clock& clock,
                          std::chrono::seconds timeout, Progress& progress,
                          std::stop_token stop_token);

}  // namespace walkback::backup
