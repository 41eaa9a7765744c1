// The backup that an incremental one builds on.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "backup/changes.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/manifest_index.h"
#include "catalog/wal_archive.h"
#include "pg/control_file.h"
#include "store/object_store.h"

namespace walkback::backup {

struct Parent {
  catalog::BackupSummary summary;
  catalog::ManifestIndex files;
  Changes changes;

  // The WAL has been found not to tell all: what it says is proved, for every page.
  bool is_doubted() const { return summary.unexplained_pages > 0; }
};

struct ParentChoice {
  std::optional<Parent> parent;
  std::string reason;  // for people: why this one, or why none
};

// The newest backup that the cluster's present timeline leads through and whose manifest can be
// read, and what changed since. It may end after `start_lsn`, at a standby that has replayed less,
// or that makes no restartpoint between two backups: then the new one is not consistent before that
// end either. `control` is as after the new backup's checkpoint, whose redo point
// is `start_lsn`. What stands in the way is said in the reason; errors are those of reaching the
// repository.
Result<ParentChoice> choose_parent(store::ObjectStore& objects, const catalog::WalArchive& archive,
                                   const pg::ControlFile& control, pg::Lsn start_lsn,
                                   FileSystem& files, const std::string& pgdata, Progress& progress,
                                   std::stop_token stop);

}  // namespace walkback::backup
