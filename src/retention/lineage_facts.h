// What there is of a lineage, for the decision what stays.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "retention/policy.h"
#include "store/object_store.h"

namespace walkback::retention {

struct LineageFacts {
  Facts facts;
  // Of all timelines whose history is there, by number.
  std::vector<pg::TimelineId> timelines;
  std::map<pg::TimelineId, catalog::WalChain> chains;
  std::optional<Timestamp> last_of_wal;  // of the newest timeline, where `policy` has a window
};

// Whose WAL is not all there, or what `verify` found damaged, is unsound. Reads lists, summaries,
// pins and the records of verifications, and for a window the last of each timeline's WAL. No
// leases. A timeline whose history is missing is said, and makes `history_missing`.
Result<LineageFacts> read_lineage_facts(store::ObjectStore& objects,
                                        const catalog::WalArchive& archive, const Policy& policy,
                                        bool is_current, Progress& progress);

}  // namespace walkback::retention
