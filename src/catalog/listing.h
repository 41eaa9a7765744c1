// Everything `walkback list` shows.
#pragma once

#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/recovery_windows.h"
#include "catalog/unreadable.h"
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

// A backup that cannot be read is told to `unreadable` and left out; without it, that is the error.
Result<Listing> list_cluster(store::ObjectStore& objects, const std::string& cluster,
                             const OnUnreadable& unreadable = {});

// kMissing, with those there are, when the repository holds other clusters and not this one: a name
// that was mistyped. A repository without any cluster is not this error's business.
Result<void> check_cluster_is_known(store::ObjectStore& objects, const std::string& cluster);

}  // namespace walkback::catalog
