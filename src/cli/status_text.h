// What `status` shows.
#pragma once

#include <string>
#include <vector>

#include "alert/tell.h"
#include "cli/suggestion.h"
#include "health/finding.h"

namespace walkback::cli {

// What is wrong first, with what to do about it; then the figures that are right.
std::string status_text(const health::Report& report);
// The report with complete commands in its hints: for programs, and for whoever is told elsewhere.
health::Report completed(health::Report report, const Suggestion& suggestion);

// Whom a test reached.
std::string test_alert_text(const std::vector<alert::Delivery>& deliveries);
std::string test_alert_json(const std::vector<alert::Delivery>& deliveries);

}  // namespace walkback::cli
