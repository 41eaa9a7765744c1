#include "alert/rhythm.h"

#include <algorithm>

namespace walkback::alert {

namespace {

using health::Finding;
using health::Level;

std::map<std::string, Level> wrong_in(const health::Report& report) {
  std::map<std::string, Level> wrong;
  for (const Finding& finding : report.findings) {
    if (finding.level == Level::kHealthy) continue;
    Level& level = wrong[finding.key()];
    level = std::max(level, finding.level);
  }
  return wrong;
}

// What went away while other things are still wrong waits for the next message.
bool is_worse(const std::map<std::string, Level>& wrong,
              const std::map<std::string, Level>& before) {
  return std::ranges::any_of(wrong, [&](const auto& entry) {
    const auto known = before.find(entry.first);
    return known == before.end() || known->second < entry.second;
  });
}

std::optional<Reason> wanted(const ChannelState& state, const health::Report& report,
                             std::chrono::seconds repeat) {
  const Level status = report.status();
  const Level before = state.told ? state.told->status : Level::kHealthy;
  if (status == Level::kHealthy) {
    return before == Level::kHealthy ? std::nullopt : std::optional(Reason::kRecovered);
  }
  if (before != status || is_worse(wrong_in(report), state.told->wrong)) return Reason::kChange;
  const std::chrono::microseconds since = report.at - state.told->at;
  const int times = status == Level::kCritical ? 1 : kWarningRepeat;
  // A clock that was set back must not silence anybody.
  const bool again = since < std::chrono::microseconds(0) || since >= repeat * times;
  return again ? std::optional(Reason::kRepeat) : std::nullopt;
}

bool rests(const ChannelState::Failure& failure, Timestamp now) {
  const std::chrono::microseconds failed = failure.tried - failure.since;
  const std::chrono::microseconds since = now - failure.tried;
  return failure.may_have_told && since >= std::chrono::microseconds(0) &&
         since < std::min(failed, std::chrono::microseconds(kLongestRest));
}

bool is_of_last_hour(Timestamp time, Timestamp now) {
  return time <= now && now - time < std::chrono::hours(1);
}

}  // namespace

std::optional<Reason> due(const ChannelState& state, const health::Report& report,
                          std::chrono::seconds repeat) {
  const std::optional<Reason> reason = wanted(state, report, repeat);
  if (!reason || (state.failure && rests(*state.failure, report.at))) return std::nullopt;
  const auto lately = static_cast<size_t>(std::ranges::count_if(
      state.lately, [&](Timestamp time) { return is_of_last_hour(time, report.at); }));
  if (lately < kMostInAnHour) return reason;
  // That it became critical is said even then; that it ceased to be waits, so this is said once.
  const bool escalates =
      report.status() == Level::kCritical && state.told && state.told->status != Level::kCritical;
  return escalates ? reason : std::nullopt;
}

void remember_told(ChannelState& state, const health::Report& report) {
  state.told = ChannelState::Told{report.at, report.status(), wrong_in(report)};
  std::erase_if(state.lately, [&](Timestamp time) { return !is_of_last_hour(time, report.at); });
  state.lately.push_back(report.at);
  state.failure.reset();
}

void remember_failure(ChannelState& state, Timestamp now, const Error& error) {
  const Timestamp since = state.failure ? state.failure->since : now;
  state.failure =
      ChannelState::Failure{since, now, error.message, error.kind == ErrorKind::kTransient};
}

}  // namespace walkback::alert
