// The rules of health. Pure: facts and limits in, findings out; the command, alerts and whatever
// else asks see the same ones.
#pragma once

#include <span>
#include <string_view>

#include "health/facts.h"
#include "health/finding.h"
#include "health/limits.h"

namespace walkback::health {

// Names that scripts and alerts may rely on, in the order in which a report has them.
std::span<const std::string_view> all_rules();

Report judge(const Facts& facts, const Limits& limits);

}  // namespace walkback::health
