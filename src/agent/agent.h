// The resident part: runs what is due and watches meanwhile. Decides nothing itself
// (schedule/due.h, health/rules.h).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/child.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "schedule/due.h"
#include "store/object_store.h"

namespace walkback::agent {

struct Options {
  std::string cluster;
  schedule::Schedule schedule;
};

// What the agent is given: the world, as it is each time that it is asked.
struct Parts {
  std::function<Result<std::unique_ptr<store::ObjectStore>>()> repository;
  // From the newest backup's start to the end of the log; asked only where there is an objective.
  std::function<std::optional<uint64_t>(store::ObjectStore&)> wal_since_backup;
  std::function<Result<std::unique_ptr<Job>>(schedule::Job)> start;
  // Judges health and tells whom it concerns.
  std::function<void()> watch;
  std::function<void(const std::string&)> say;  // one line of the log
  std::function<void(const Error&)> warn;
  Clock& clock;
  Random& random;
  std::stop_token stop;
};

struct Ran {
  schedule::Due due;
  int exit_status = 0;
};

struct OnceReport {
  std::vector<Ran> ran;
  // What is due and runs elsewhere, or is claimed by another agent.
  std::vector<schedule::Job> left;
  std::optional<Timestamp> next;
  std::string objective_trouble;
  bool done() const;  // all that ran
};

// What is due, one after another, and then one look at health. An error where the repository cannot
// say what is due; health has been looked at all the same.
Result<OnceReport> run_once(const Options& options, const Parts& parts);

// Until it is asked to stop; then what runs is interrupted and waited for. A backup never waits for
// another job, other jobs wait for one another. A repository or server that is away is waited for.
void run(const Options& options, const Parts& parts);

}  // namespace walkback::agent
