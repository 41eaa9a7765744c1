// What `recover --delta` would make of a directory, file by file, before anything is written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "restore/kept_commits.h"
#include "restore/reused_directory.h"
#include "restore/target_directory.h"
#include "store/object_store.h"

namespace walkback::restore {

struct DeltaSurvey {
  ReusedDirectory reused;
  // Files of the backup that are there: of these only the pages that differ are fetched.
  uint64_t files_there = 0;
  uint64_t bytes_there = 0;
  // What is not in the backup and goes, by names in the data directory; what is in a directory
  // before the directory itself.
  std::vector<std::string> goes;
  uint64_t bytes_going = 0;
  std::string kept_directory;  // where what follows is put
  // In pg_wal, and not with these bytes in the archive: moved.
  std::vector<std::string> kept_wal;
  // Of a recovery that was not finished: there already.
  std::vector<std::string> kept_before;
  KeptCommits kept_commits;                     // in both
  std::vector<std::string> kept_configuration;  // copied
  // Neither in the backup nor PostgreSQL's own: stays as it is.
  std::vector<std::string> left_alone;
};

// "DATA_DIRECTORY.kept/20261125T124407Z": beside it, one that is not there yet.
Result<std::string> choose_kept_directory(FileSystem& files, const std::string& data_directory,
                                          Timestamp now);

// `archive` is of the backup's lineage; `kept_directory` is used where the directory does not say
// that there is one already. Reads the manifest's names, and what of the WAL may be archived.
Result<DeltaSurvey> survey_directory(FileSystem& files, store::ObjectStore& objects,
                                     const catalog::WalArchive& archive,
                                     const catalog::BackupId& backup, const TargetLayout& layout,
                                     ReusedDirectory reused, const std::string& kept_directory);

}  // namespace walkback::restore
