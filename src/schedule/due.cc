#include "schedule/due.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/human.h"
#include "base/time_text.h"

namespace walkback::schedule {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using Seconds = std::chrono::duration<double>;

constexpr minutes kLongestBackoff{60};
// Later than this is not on time.
constexpr minutes kOnTime{2};
// What began further in the future than clocks of hosts differ was dated by a clock that was wrong,
// and keeps nothing from running.
constexpr minutes kClocksDiffer{60};

// What was tried of one job, newest first.
class Tried {
 public:
  Tried(const History& history, Job job, Timestamp now) {
    for (const Attempt& attempt : history.attempts) {
      if (attempt.job == job && attempt.started_at <= now + kClocksDiffer) {
        newest_first_.push_back(attempt);
      }
    }
    std::stable_sort(
        newest_first_.begin(), newest_first_.end(),
        [](const Attempt& a, const Attempt& b) { return a.started_at > b.started_at; });
  }

  bool running() const {
    return any([](const Attempt& a) { return is(a, Outcome::kRunning); });
  }
  bool done_since(Timestamp at) const {
    return any([&](const Attempt& a) { return is(a, Outcome::kDone) && a.started_at >= at; });
  }
  bool any_since(Timestamp at) const {
    return any([&](const Attempt& a) { return a.started_at >= at; });
  }
  const Attempt* last_done() const {
    for (const Attempt& attempt : newest_first_) {
      if (is(attempt, Outcome::kDone)) return &attempt;
    }
    return nullptr;
  }
  // In a row, up to now.
  int failures() const {
    int count = 0;
    for (const Attempt& attempt : newest_first_) {
      if (is(attempt, Outcome::kDone)) break;
      if (!is(attempt, Outcome::kRunning)) ++count;
    }
    return count;
  }
  // Before this the next attempt is too early.
  std::optional<Timestamp> not_before() const {
    const int count = failures();
    if (count == 0) return std::nullopt;
    const Attempt& last = newest_first_.front();
    return last.ended_at.value_or(last.started_at) + backoff(count);
  }

 private:
  static bool is(const Attempt& attempt, Outcome outcome) { return attempt.outcome == outcome; }
  template <typename Condition>
  bool any(Condition condition) const {
    return std::any_of(newest_first_.begin(), newest_first_.end(), condition);
  }
  std::vector<Attempt> newest_first_;
};

std::string people(Seconds span) { return human_duration(span.count()); }

// By its cron expression, not looking at failures.
std::optional<Due> due_by_clock(Job job, const CronSchedule& runs, const Tried& tried,
                                Timestamp since, Timestamp now) {
  const auto at = runs.last_before(now + microseconds(1));
  if (!at || *at <= since || tried.done_since(*at)) return std::nullopt;
  Due due{job, Reason::kScheduled, *at, 0, {}};
  if (tried.any_since(*at)) {
    due.reason = Reason::kRetry;
    due.failures = tried.failures();
    due.text = fmt::format("due at {}, tried in vain {}", to_iso_utc(*at),
                           due.failures == 1 ? "once" : fmt::format("{} times", due.failures));
  } else if (now - *at > kOnTime) {
    due.reason = Reason::kMissed;
    due.text = fmt::format("was due at {} and has not run since", to_iso_utc(*at));
  } else {
    due.text = fmt::format("due at {}", to_iso_utc(*at));
  }
  return due;
}

struct Objective {
  bool exceeded = false;
  std::string text;     // why a backup is due
  std::string trouble;  // as Decision's
};

// Whether any backup could keep it: at best a recovery replays what was written while one ran.
std::string why_out_of_reach(const RecoverySpeed& speed, Seconds most, Seconds replay,
                             const Attempt* last_backup, Timestamp now) {
  if (Seconds(speed.restore_s) >= most) {
    return fmt::format("restoring a backup alone took {}, so no backup keeps an objective of {}",
                       people(Seconds(speed.restore_s)), people(most));
  }
  if (!last_backup || !last_backup->ended_at || now <= last_backup->started_at) return {};
  const Seconds age = now - last_backup->started_at;
  const Seconds took = *last_backup->ended_at - last_backup->started_at;
  const Seconds replay_of_one = replay * (took / age);
  if (took >= age || replay_of_one <= most) return {};
  return fmt::format(
      "a backup takes {}, and the WAL written meanwhile takes {} to replay: no backup keeps an "
      "objective of {}",
      people(took), people(replay_of_one), people(most));
}

Objective judge_objective(const Schedule& schedule, const History& history, const Tried& backups,
                          Timestamp now) {
  Objective result;
  if (!schedule.recovery_time_objective) return result;
  if (!history.speed || history.speed->wal_bytes_per_s <= 0) {
    result.trouble = "no drill has measured how fast WAL is replayed";
    return result;
  }
  if (!history.wal_since_backup_bytes) return result;
  const Seconds most = *schedule.recovery_time_objective;
  const Seconds replay(static_cast<double>(*history.wal_since_backup_bytes) /
                       history.speed->wal_bytes_per_s);
  const Attempt* last = backups.last_done();
  result.trouble = why_out_of_reach(*history.speed, most, replay, last, now);
  result.exceeded = replay > most;
  result.text = fmt::format("the WAL since the last backup takes {} to replay, more than {}",
                            people(replay), people(most));
  return result;
}

// One that cannot be kept must not make backups run without a break: at most half of the time.
std::optional<Timestamp> rest_until(const Tried& backups) {
  const Attempt* last = backups.last_done();
  if (!last || !last->ended_at) return std::nullopt;
  return *last->ended_at + (*last->ended_at - last->started_at);
}

class Deciding {
 public:
  explicit Deciding(Timestamp now) : now_(now) {}

  // Now, unless it is too early.
  void add(Due due, std::optional<Timestamp> not_before) {
    if (not_before && *not_before > now_) return look_again(*not_before);
    decision_.due.push_back(std::move(due));
  }
  void look_again(std::optional<Timestamp> at) {
    if (at && (!decision_.next || *at < *decision_.next)) decision_.next = at;
  }
  Decision& decision() { return decision_; }

 private:
  const Timestamp now_;
  Decision decision_;
};

}  // namespace

std::string_view reason_name(Reason reason) {
  switch (reason) {
    case Reason::kScheduled:
      return "scheduled";
    case Reason::kMissed:
      return "missed";
    case Reason::kRetry:
      return "retry";
    case Reason::kObjective:
      return "objective";
    case Reason::kFirst:
      return "first";
  }
  CHECK(false);
}

minutes backoff(int failures) {
  CHECK(failures >= 1);
  minutes wait{1};
  for (int i = 1; i < failures && wait < kLongestBackoff; ++i) wait *= 2;
  return std::min(wait, kLongestBackoff);
}

Decision decide(const Schedule& schedule, const History& history, Timestamp now) {
  Deciding deciding(now);
  for (const Job job : kAllJobs) {
    const Tried tried(history, job, now);
    std::optional<Due> due;
    if (const auto runs = schedule.runs.find(job); runs != schedule.runs.end()) {
      deciding.look_again(runs->second.next_after(now));
      due = due_by_clock(job, runs->second, tried, history.since, now);
      // Until there is one nothing can be recovered at all.
      if (job == Job::kBackup && !due && tried.last_done() == nullptr) {
        due = Due{job, Reason::kFirst, history.since, tried.failures(), "there is no backup yet"};
      }
    }
    std::optional<Timestamp> not_before = tried.not_before();
    if (job == Job::kBackup) {
      const Objective objective = judge_objective(schedule, history, tried, now);
      deciding.decision().objective_trouble = objective.trouble;
      if (!due && objective.exceeded) {
        due = Due{job, Reason::kObjective, now, tried.failures(), objective.text};
        not_before = std::max(not_before, rest_until(tried));
      }
    }
    if (due && !tried.running()) deciding.add(*std::move(due), not_before);
  }
  return std::move(deciding.decision());
}

}  // namespace walkback::schedule
