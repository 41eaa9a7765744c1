#include "agent/history.h"

#include <algorithm>

namespace walkback::agent {

namespace {

using catalog::Event;
using schedule::Outcome;

// A rate holds what a server needs to start, too, and is the further below the true one the less
// was replayed: the highest of the last drills is the nearest.
constexpr size_t kDrillsToMeasure = 5;

std::optional<schedule::Job> job_of(const Event& event) {
  for (const schedule::Job job : schedule::kAllJobs) {
    if (schedule::job_name(job) == event.kind) return job;
  }
  return std::nullopt;
}

// What it found is bad, and it would find the same again.
bool came_to_its_end(const Event& event) {
  return event.drill.has_value() || event.verify.has_value();
}

Outcome outcome_of(const Event& event, Timestamp now) {
  if (event.killed) return Outcome::kKilled;
  if (event.ended_at) {
    return event.succeeded || came_to_its_end(event) ? Outcome::kDone : Outcome::kFailed;
  }
  return now - event.started_at > kLongestUnseen ? Outcome::kKilled : Outcome::kRunning;
}

std::optional<schedule::RecoverySpeed> speed_of(const std::vector<Event>& events) {
  std::optional<schedule::RecoverySpeed> speed;
  size_t measured = 0;
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (!event->drill || event->drill->wal_bytes == 0 || event->drill->replay_s <= 0) continue;
    const double rate = static_cast<double>(event->drill->wal_bytes) / event->drill->replay_s;
    if (!speed) speed = schedule::RecoverySpeed{rate, event->drill->restore_s};
    speed->wal_bytes_per_s = std::max(speed->wal_bytes_per_s, rate);
    if (++measured == kDrillsToMeasure) break;
  }
  return speed;
}

}  // namespace

schedule::History history_of(const std::vector<Event>& events, Timestamp since, Timestamp now) {
  schedule::History history;
  history.since = since;
  history.speed = speed_of(events);
  for (const Event& event : events) {
    const std::optional<schedule::Job> job = job_of(event);
    if (!job || event.started_at < since) continue;
    history.attempts.push_back({*job, event.started_at, event.ended_at, outcome_of(event, now)});
  }
  return history;
}

}  // namespace walkback::agent
