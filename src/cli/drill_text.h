// What `drill` says: what was proved of what was recovered, and how long it took.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/suggestion.h"
#include "drill/drill.h"

namespace walkback::cli {

// Before it begins.
std::string drill_plan_text(const drill::DrillPlan& plan);
std::string drill_text(const drill::DrillReport& report, const Suggestion& suggestion);
std::string drill_json(const drill::DrillReport& report, const Error* error);
// What --quiet does not silence.
Error drill_error(const drill::DrillReport& report);

}  // namespace walkback::cli
