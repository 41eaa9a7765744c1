// The backups of a lineage: those whose manifest exists.
#pragma once

#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "store/object_store.h"

namespace walkback::catalog {

BackupId new_backup_id(Clock& clock, Random& random);

// Oldest first. A summary without a manifest is an attempt that did not end, and not listed.
Result<std::vector<BackupSummary>> list_backups(store::ObjectStore& objects,
                                                const LineageLayout& layout);

}  // namespace walkback::catalog
