// What of the history counts for health. Pure.
#pragma once

#include <vector>

#include "catalog/events.h"
#include "health/facts.h"

namespace walkback::health {

// `events` in their order, those that were killed marked (catalog::find_killed).
Attempts attempts_of(const std::vector<catalog::Event>& events);

// What an event of kind "drill" says; nothing while it has no end.
std::optional<Attempts::Drill> drill_of(const catalog::Event& event);

}  // namespace walkback::health
