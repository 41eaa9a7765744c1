// A directory that `recover --delta` goes on from: whose pages lie in it, and where all of it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"
#include "restore/target_directory.h"

namespace walkback::restore {

struct ReusedDirectory {
  pg::SystemIdentifier system_identifier;
  Bytes pg_control;            // empty in what a recovery left unfinished
  std::string kept_directory;  // of that recovery; may be empty
  // The links in pg_tblspc that lead to a directory, and which that is.
  std::vector<Tablespace> tablespaces;
  std::string pg_wal;  // where it really lies; empty when it is nowhere

  // Canonical: those that need not be empty.
  std::vector<std::string> directories(const std::string& data_directory) const;
};

// Nothing when `data_directory` is empty or not there. kConflict when it is no data directory, is
// of another cluster than `wanted`, or is what an earlier version of this program left unfinished.
// Does not ask whether a server runs.
Result<std::optional<ReusedDirectory>> look_at_reused(FileSystem& files,
                                                      const std::string& data_directory,
                                                      std::optional<pg::SystemIdentifier> wanted);

}  // namespace walkback::restore
