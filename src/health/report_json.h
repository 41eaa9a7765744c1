// A report for programs: what `status --json` prints, and what alerts carry.
#pragma once

#include <string>

#include "health/finding.h"

namespace walkback::health {

// One object, two spaces deep, and a newline.
std::string report_json(const Report& report, const std::string& host);

}  // namespace walkback::health
