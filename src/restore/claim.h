// What a recovery holds in the repository while it needs it.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/leases.h"
#include "catalog/wal_archive.h"
#include "restore/plan.h"
#include "store/object_store.h"

namespace walkback::restore {

// No prune, on any host, removes from here on what the plan needs. It may have done so since the
// plan was made: that is kMissing or kConflict, before the first byte is copied. A repository that
// cannot be written to, on the worst night, must not stop a recovery: then there is a note, and no
// lease. No prune can remove from such a repository either, or it does so with other credentials,
// and then a segment is missed loudly. `what` is the command's name.
Result<std::unique_ptr<catalog::HeldLease>> claim_for(
    const RecoveryPlan& plan, const std::string& cluster, const std::string& what,
    const catalog::WalArchive& archive, store::ObjectStore& objects, Clock& clock, Random& random,
    Progress& progress, const std::stop_token& stop);

// kMissing when the archive has not all WAL from the start of the backup to `plan`'s end any more.
Result<void> check_wal_is_there(const RecoveryPlan& plan, pg::Lsn from,
                                const catalog::WalArchive& archive);

}  // namespace walkback::restore
