// What is said when somebody is told.
#pragma once

#include <string>

#include "base/clock.h"
#include "health/finding.h"

namespace walkback::alert {

enum class Reason {
  kChange,     // something is wrong that was not, or is worse
  kRepeat,     // it still is
  kRecovered,  // nothing is any more
  kTest,       // somebody asked whether this arrives
};
std::string_view reason_name(Reason reason);  // "change", …

struct Message {
  Reason reason = Reason::kChange;
  const health::Report& report;
  std::string host;
};

// "CRITICAL: cluster main on db1"; printable ASCII whatever the names are.
std::string subject_of(const Message& message);
// What is wrong with what to do, then the figures that are asked for first.
std::string body_of(const Message& message);
// What `status --json` prints, and `event`: "alert", `reason`.
std::string json_of(const Message& message);
// Of one rule, as the report has it; empty where it says nothing.
std::string text_of_rule(const health::Report& report, std::string_view rule);
// How many findings are not healthy.
size_t issues_in(const health::Report& report);

}  // namespace walkback::alert
