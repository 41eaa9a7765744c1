// What changed in a cluster between an earlier backup and the one being taken, as its WAL says.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "wal/changed_since.h"

namespace walkback::backup {

struct Changes {
  // Nothing where the WAL does not tell: then every page must be read and compared.
  std::optional<wal::ChangedSince> since;
  std::string why_not;
};

// Of the WAL from the parent's redo point to `until`, which the server has flushed: what changed
// while the parent was copied is among it, and what changes later is replayed. From the archive's
// indexes; a segment that has none, or is not archived yet, is read from `pg_wal`. Errors are those
// of reaching the repository.
Result<Changes> find_changes(const catalog::WalArchive& archive, const catalog::WalChain& chain,
                             const catalog::BackupSummary& parent, pg::Lsn until, FileSystem& files,
                             const std::string& pg_wal, std::stop_token stop);

}  // namespace walkback::backup
