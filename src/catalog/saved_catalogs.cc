#include "catalog/saved_catalogs.h"

#include <algorithm>

#include "catalog/backups.h"
#include "catalog/recovery_windows.h"
#include "pg/data_directory.h"

namespace walkback::catalog {

wal::CatalogFiles catalog_files_of(const Names& names) {
  wal::CatalogFiles files;
  for (const NamedDatabase& database : names.databases) {
    for (const NamedSchema& schema : database.schemas) {
      for (const NamedRelation& relation : schema.relations) {
        if (!wal::is_catalog_read(relation.oid)) continue;
        const bool is_shared = relation.tablespace == pg::kGlobalTablespace;
        files.add(wal::MovedCatalog{is_shared ? 0 : database.oid, relation.oid, relation.file});
      }
    }
  }
  return files;
}

wal::CatalogFiles SavedCatalogs::at(const pg::TimelineHistory& history, pg::Lsn lsn) {
  const std::lock_guard lock(mutex_);
  if (!backups_) {
    Result<std::vector<BackupSummary>> backups =
        list_backups(objects_, layout_, [](const Error&) {});
    backups_ = backups.ok() ? std::move(backups).value() : std::vector<BackupSummary>();
  }
  std::vector<const BackupSummary*> before, behind;
  for (const BackupSummary& backup : *backups_) {
    if (lies_on(backup, history)) (backup.start_lsn <= lsn ? before : behind).push_back(&backup);
  }
  std::ranges::stable_sort(before, std::ranges::greater(), &BackupSummary::start_lsn);
  std::ranges::stable_sort(behind, std::ranges::less(), &BackupSummary::start_lsn);
  before.insert(before.end(), behind.begin(), behind.end());
  for (const BackupSummary* backup : before) {
    if (const wal::CatalogFiles* files = of(backup->id)) return *files;
  }
  return {};
}

const wal::CatalogFiles* SavedCatalogs::of(const BackupId& backup) {
  const auto [entry, is_new] = read_.try_emplace(backup);
  if (is_new) {
    const Result<Names> names = get_names(objects_, layout_.names(backup));
    if (names.ok()) entry->second = catalog_files_of(*names);
  }
  return entry->second ? &*entry->second : nullptr;
}

}  // namespace walkback::catalog
