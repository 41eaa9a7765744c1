// What would be lost with the server's disk: WAL that is in its pg_wal and not in the repository.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "health/facts.h"

namespace walkback::health {

// The oldest commit is read from the WAL itself, so that an idle cluster, whose last segment is not
// full, lacks nothing. `chain` leads to the newest timeline that is archived; `server` may be null:
// then pg_wal alone says how far the log goes.
Result<UnarchivedFacts> find_unarchived(const catalog::WalArchive& archive,
                                        const catalog::WalChain& chain, const ServerFacts* server,
                                        FileSystem& files, const std::string& pg_wal);

}  // namespace walkback::health
