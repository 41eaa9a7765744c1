// One real segment, archived by the server itself and read back: nothing less proves
// archive_command.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pgconn/connection.h"

namespace walkback::setup {

struct ProofOptions {
  std::string pgdata;
  std::chrono::seconds timeout{60};
};

// The segment's name. Makes a restore point and switches the WAL, for which the connection's user
// needs the right; kTransient when the segment did not arrive in time. Where no private key of an
// owner is at hand the segment is compared by its digest.
Result<std::string> prove_archiving(const ProofOptions& options, const catalog::WalArchive& archive,
                                    pgconn::Connection& connection, FileSystem& files, Clock& clock,
                                    Progress& progress);

}  // namespace walkback::setup
