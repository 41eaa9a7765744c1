// What the repository's record of attempts says to a schedule. Pure.
#pragma once

#include <vector>

#include "base/clock.h"
#include "catalog/events.h"
#include "schedule/due.h"

namespace walkback::agent {

// An attempt without an end of which nobody knows whether it still runs (it is another host's, and
// its lease was left behind) counts as running for so long, and then as killed: a schedule must not
// wait for ever for what nobody runs.
inline constexpr std::chrono::hours kLongestUnseen{48};

// Of this lineage alone: `since` is when it was first seen. `events` with those that were killed
// marked (catalog::find_killed). The WAL since the last backup is for the caller to measure.
schedule::History history_of(const std::vector<catalog::Event>& events, Timestamp since,
                             Timestamp now);

}  // namespace walkback::agent
