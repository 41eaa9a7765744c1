// The rule at the end of a TZif file, for all that comes after its last transition:
// "CET-1CEST,M3.5.0,M10.5.0/3".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace walkback::schedule {

struct RuleTransition {
  int64_t at = 0;        // seconds of UTC
  int64_t offset_s = 0;  // from then on, east of UTC
};

// Of the years from `first` to `last`, in order; empty for a zone whose clocks change no more.
// Nothing for a text that is no rule. As RFC 8536 extends POSIX: hours from -167 to 167.
std::optional<std::vector<RuleTransition>> expand_posix_rule(std::string_view text, int first,
                                                             int last);

}  // namespace walkback::schedule
