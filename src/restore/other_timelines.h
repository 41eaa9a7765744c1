// What else was archived beside the timeline that a target is looked for on: after a recovery or a
// promotion the history forks, and the same time, xid or LSN means another record on each branch.
#pragma once

#include <stop_token>
#include <vector>

#include "base/result.h"
#include "catalog/wal_chain.h"
#include "pg/control_file.h"
#include "restore/plan.h"
#include "restore/target_search.h"

namespace walkback::restore {

// Those of `timelines` that hold commits which `chain` has not, the newest first. One whose history
// is missing is left out.
Result<std::vector<OtherTimeline>> find_other_timelines(
    catalog::SegmentLists& lists, const catalog::WalChain& chain,
    const std::vector<pg::TimelineId>& timelines, std::stop_token stop);

// Whether the target means something else on the other timeline than `found` on the planned one:
// said as a note, or nothing. `control` is the backup's.
Result<std::optional<std::string>> means_something_else(
    const RecoveryTarget& target, const StopPoint& found, const OtherTimeline& other,
    const pg::ControlFile& control, catalog::SegmentLists& lists, std::stop_token stop);

}  // namespace walkback::restore
