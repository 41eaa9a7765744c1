// Commits that only a stopped server's pg_wal has: no recovery from the archive replays them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"

namespace walkback::restore {

struct KeptCommits {
  uint64_t count = 0;
  std::optional<Timestamp> first;  // when the first of them in the log was made
};

// Of the records that begin in these files, paths in the order of the log. What the archive has
// under a file's name, with whatever bytes, is the archive's to say and not counted.
Result<KeptCommits> count_kept_commits(FileSystem& files, const catalog::WalArchive& archive,
                                       const std::vector<std::string>& paths);

}  // namespace walkback::restore
