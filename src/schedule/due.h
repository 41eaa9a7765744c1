// What is to be run now, and why: decided from what was tried, whoever tried it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "schedule/cron_schedule.h"
#include "schedule/job.h"

namespace walkback::schedule {

struct Schedule {
  std::map<Job, CronSchedule> runs;
  // A backup is due as soon as the WAL since the last one takes longer than this to replay.
  std::optional<std::chrono::seconds> recovery_time_objective;
};

enum class Outcome {
  kRunning,
  kDone,    // did its work, whatever it found: the same again would find the same
  kFailed,  // could not do its work
  kKilled,
};

// By a schedule or by hand, on any host.
struct Attempt {
  Job job = Job::kBackup;
  Timestamp started_at;
  std::optional<Timestamp> ended_at;  // not known of one that was killed
  Outcome outcome = Outcome::kDone;
};

// How fast recoveries were.
struct RecoverySpeed {
  double wal_bytes_per_s = 0;  // replayed
  double restore_s = 0;        // before replay begins
};

struct History {
  std::vector<Attempt> attempts;  // in any order
  // When the repository came to be: nothing was missed before.
  Timestamp since;
  std::optional<RecoverySpeed> speed;  // none: no drill has measured it
  // From the newest backup's redo point to the end of the log; none: there is no backup, or the
  // server does not answer.
  std::optional<uint64_t> wal_since_backup_bytes;
};

enum class Reason {
  kScheduled,
  kMissed,     // its time is some while ago
  kRetry,      // it failed or was killed
  kObjective,  // the recovery-time objective asks for it
  kFirst,      // there is no backup yet
};
std::string_view reason_name(
    Reason reason);  // "scheduled", "missed", "retry", "objective", "first"

struct Due {
  Job job = Job::kBackup;
  Reason reason = Reason::kScheduled;
  // Since when: the run of the schedule; for an objective, now; of a first backup, since there is
  // a repository.
  Timestamp at;
  // How often it was tried for this in vain.
  int failures = 0;
  std::string text;  // for people, one line
};

struct Decision {
  std::vector<Due> due;  // in the order in which they are to be run, each job once
  // Nothing changes by the clock alone before this; none: never.
  std::optional<Timestamp> next;
  // Why the objective cannot be kept, or whether it is cannot be told; empty: neither.
  std::string objective_trouble;
};

// The wait after so many failures in a row, at least one: a minute, doubled up to an hour.
std::chrono::minutes backoff(int failures);

Decision decide(const Schedule& schedule, const History& history, Timestamp now);

}  // namespace walkback::schedule
