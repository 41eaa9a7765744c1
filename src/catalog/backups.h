// The backups of a lineage: those whose manifest exists.
#pragma once

#include <span>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "catalog/unreadable.h"
#include "store/object_store.h"

namespace walkback::catalog {

BackupId new_backup_id(Clock& clock, Random& random);

// Oldest first. A summary without a manifest is an attempt that did not end, and not listed. One
// that cannot be read is told to `unreadable` and left out; without it, that is the error.
Result<std::vector<BackupSummary>> list_backups(store::ObjectStore& objects,
                                                const LineageLayout& layout,
                                                const OnUnreadable& unreadable = {});

// Bytes that the packs of these backups take in the repository, each counted once: also those that
// a backup stored which was pruned since. Of a backup that does not say how large its packs are,
// what it added.
uint64_t stored_bytes_of(std::span<const BackupSummary> backups);

}  // namespace walkback::catalog
