// Everything `walkback list` shows.
#pragma once

#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/recovery_windows.h"
#include "store/object_store.h"

namespace walkback::catalog {

struct Listing {
  std::vector<BackupSummary> backups;  // oldest first
  std::vector<RecoveryWindow> windows;
  std::vector<WalGap> gaps;
  std::vector<KnownTimeline> timelines;
  uint64_t wal_segments = 0;
  uint64_t wal_bytes_stored = 0;
  uint64_t bytes_stored = 0;  // backups and WAL
};

Result<Listing> list_cluster(store::ObjectStore& objects, const std::string& cluster);

}  // namespace walkback::catalog
