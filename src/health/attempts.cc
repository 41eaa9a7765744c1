#include "health/attempts.h"

namespace walkback::health {

namespace {

using catalog::Event;

bool is_over(const Event& event) { return event.ended_at || event.killed; }

std::string error_of(const Event& event) {
  return event.killed ? std::string("it was killed") : event.error;
}

void see_backup(const Event& event, Attempts& attempts) {
  attempts.running_backup.reset();
  if (!is_over(event)) {
    attempts.running_backup = event.started_at;
  } else if (event.succeeded) {
    attempts.failed_backup.reset();
  } else {
    attempts.failed_backup = Attempts::Failure{event.started_at, error_of(event)};
  }
}

void see_verify(const Event& event, Attempts& attempts) {
  if (!is_over(event)) return;
  const Timestamp at = event.ended_at.value_or(event.started_at);
  Attempts::Verification verification;
  verification.at = at;
  // Gaps have a finding of their own, and after a new backup nothing is left to be done about them.
  verification.sound = event.succeeded || (event.verify && event.verify->only_gaps());
  verification.found_trouble = event.verify && !verification.sound;
  verification.gaps = event.verify ? event.verify->gaps : 0;
  verification.detail = event.succeeded ? event.detail : error_of(event);
  if (verification.sound) attempts.last_sound_verify = at;
  attempts.last_verify = std::move(verification);
}

void see_drill(const Event& event, Attempts& attempts) {
  const std::optional<Attempts::Drill> drill = drill_of(event);
  // One that was ended says nothing of recoveries; that none comes to its end is seen by their age.
  if (!drill || event.killed || event.interrupted) return;
  attempts.last_drill = drill;
  if (drill->ok) attempts.last_good_drill = drill;
}

}  // namespace

std::optional<Attempts::Drill> drill_of(const Event& event) {
  if (event.kind != "drill" || !is_over(event)) return std::nullopt;
  Attempts::Drill drill;
  drill.at = event.ended_at.value_or(event.started_at);
  drill.ok = event.succeeded;
  // Without what it measured the whole of it is the nearest bound.
  drill.recovery_s = event.drill
                         ? event.drill->recovery_s()
                         : std::chrono::duration<double>(drill.at - event.started_at).count();
  if (event.drill) drill.restore_s = event.drill->restore_s;
  if (!drill.ok) drill.error = error_of(event);
  return drill;
}

Attempts attempts_of(const std::vector<Event>& events, Timestamp now) {
  Attempts attempts;
  for (const Event& event : events) {
    if (event.started_at > now + kClocksDiffer) continue;
    if (event.kind == "backup") see_backup(event, attempts);
    if (event.kind == "verify") see_verify(event, attempts);
    if (event.kind == "drill") see_drill(event, attempts);
  }
  return attempts;
}

}  // namespace walkback::health
