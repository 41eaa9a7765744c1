// Where PostgreSQL's own catalog lay when backups were taken, as the names saved with them say.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "catalog/names.h"
#include "pg/timeline_history.h"
#include "pg/types.h"
#include "store/object_store.h"
#include "wal/catalog_files.h"

namespace walkback::catalog {

// Of each database that was asked, those that this program looks into.
wal::CatalogFiles catalog_files_of(const Names& names);

// Thread-safe. Reads nothing before it is asked; what it read it keeps.
class SavedCatalogs {
 public:
  SavedCatalogs(store::ObjectStore& objects, const LineageLayout& layout)
      : objects_(objects), layout_(layout) {}

  // As of the last backup at or before `lsn` whose names can be read, or else of the first behind
  // it. Never an error: without any, catalogs have the files that initdb gave them.
  wal::CatalogFiles at(const pg::TimelineHistory& history, pg::Lsn lsn);

 private:
  const wal::CatalogFiles* of(const BackupId& backup);

  store::ObjectStore& objects_;
  const LineageLayout layout_;
  std::mutex mutex_;
  std::optional<std::vector<BackupSummary>> backups_;
  std::map<BackupId, std::optional<wal::CatalogFiles>> read_;
};

}  // namespace walkback::catalog
