// `walkback wal-get`: one WAL file out of the repository, for restore_command.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::archive {

struct WalGetOptions {
  std::string cluster;
  std::string name;    // %f
  std::string path;    // %p
  std::string pgdata;  // whose pg_control says which lineage; empty: the working directory's
  // For a recovered copy: the timeline reserved for it. Its history is answered "not there" so that
  // PostgreSQL takes that number; reservations of others are answered with a placeholder so that it
  // does not.
  std::optional<uint32_t> reserved_timeline;
};

enum class WalGetOutcome {
  kDelivered,
  // Exit status 1: PostgreSQL may go on without it. Only where the archive can be read and holds
  // other WAL. Every other failure is above 125.
  kNotInArchive,
};

// The file appears at `path` whole (written beside, renamed). It is not synced: the server can ask
// again.
Result<WalGetOutcome> run_wal_get(const WalGetOptions& options, FileSystem& files,
                                  store::ObjectStore& objects);

}  // namespace walkback::archive
