// Who is told when: on a change, again on a rhythm, never in a flood. Pure.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "alert/message.h"
#include "base/clock.h"
#include "base/result.h"
#include "health/finding.h"

namespace walkback::alert {

// What a channel was last told, and how that went. Each channel has its own: one that fails is
// tried again without telling the others twice.
struct ChannelState {
  struct Told {
    Timestamp at;
    health::Level status = health::Level::kHealthy;
    std::map<std::string, health::Level> wrong;  // by health::Finding::key()
    bool operator==(const Told&) const = default;
  };
  std::optional<Told> told;
  std::vector<Timestamp> lately;  // when it was told something, of the last hour
  struct Failure {
    Timestamp since;
    Timestamp tried;  // last
    std::string error;
    bool may_have_told = false;  // no answer came, or none in time
    bool operator==(const Failure&) const = default;
  };
  std::optional<Failure> failure;  // it could not be told, and was not since
  bool operator==(const ChannelState&) const = default;
};

// What is critical is said again after `repeat`, what is a warning after six times that.
inline constexpr int kWarningRepeat = 6;
// Whatever comes and goes: at most so many in an hour.
inline constexpr size_t kMostInAnHour = 6;
// One that does not answer is tried again after as long as it has failed, and after this at the
// latest: what answers too late may have told each time.
inline constexpr std::chrono::minutes kLongestRest{10};

// Nothing when there is nothing to tell, or it has to wait.
std::optional<Reason> due(const ChannelState& state, const health::Report& report,
                          std::chrono::seconds repeat);

// As the channel is to be remembered, having been told of `report`.
void remember_told(ChannelState& state, const health::Report& report);
void remember_failure(ChannelState& state, Timestamp now, const Error& error);

}  // namespace walkback::alert
