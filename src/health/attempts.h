// What of the history counts for health. Pure.
#pragma once

#include <vector>

#include "catalog/events.h"
#include "health/facts.h"

namespace walkback::health {

// `events` in their order, those that were killed marked (catalog::find_killed). What a host with a
// wrong clock wrote, of a time that is not yet, does not hide what came after it.
Attempts attempts_of(const std::vector<catalog::Event>& events, Timestamp now);

// What an event of kind "drill" says; nothing while it has no end.
std::optional<Attempts::Drill> drill_of(const catalog::Event& event);

}  // namespace walkback::health
