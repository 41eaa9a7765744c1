#include "agent/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/claims.h"
#include "agent/record.h"
#include "base/human.h"
#include "catalog/events.h"

namespace walkback::agent {

namespace {

using schedule::Decision;
using schedule::Due;
using std::chrono::nanoseconds;

// Health, an objective, and whatever is due and waits are looked at so often.
constexpr std::chrono::minutes kBetweenLooks{1};
// The record besides: what others do meanwhile makes nothing due.
constexpr std::chrono::minutes kBetweenReads{5};
// Signals and the ends of children are seen so soon.
constexpr std::chrono::milliseconds kBetweenGlances{200};

struct Running {
  Due due;
  std::unique_ptr<Job> job;
  store::ObjectKey claim;
  Timestamp since;
};

class Agent {
 public:
  Agent(const Options& options, const Parts& parts, bool one_at_a_time)
      : options_(options), parts_(parts), one_at_a_time_(one_at_a_time) {}
  ~Agent() { interrupt(); }

  // ---- what is due ----

  // Starts what is due and has its turn.
  Result<void> start_due() {
    // Whatever goes wrong from here on, the next look is not for ever away.
    decision_ = {};
    was_read_ = false;
    store_ = TRY(parts_.repository());
    history_ = TRY(read_history());
    decision_ = schedule::decide(options_.schedule, history_, parts_.clock.now());
    was_read_ = true;
    left_.clear();
    for (const Due& due : decision_.due) {
      if (has_turn(due.job)) TRY(start(due));
    }
    return success();
  }

  // Whether one has ended.
  bool reap() {
    const size_t before = running_.size();
    for (size_t i = 0; i < running_.size();) {
      const std::optional<int> status = running_[i].job->exit_status();
      if (!status) {
        ++i;
        continue;
      }
      const Running ended = std::move(running_[i]);
      running_.erase(running_.begin() + static_cast<ptrdiff_t>(i));
      end(ended, *status);
    }
    return running_.size() < before;
  }

  void interrupt() {
    for (Running& running : running_) running.job->interrupt();
    while (!running_.empty()) {
      if (!reap()) parts_.clock.sleep(kBetweenGlances);
    }
  }

  // Whether something may become due without a word from the clock: there is an objective, the
  // record could not be read, or what is due had no turn.
  bool waits() const {
    return options_.schedule.recovery_time_objective || !was_read_ || !decision_.due.empty();
  }
  bool idle() const { return running_.empty(); }
  const Decision& decision() const { return decision_; }
  const std::vector<Ran>& ran() const { return ran_; }
  const std::vector<schedule::Job>& left() const { return left_; }

 private:
  Result<schedule::History> read_history() {
    schedule::History history = TRY(agent::read_history(*store_, options_.cluster, parts_.clock));
    if (options_.schedule.recovery_time_objective) {
      history.wal_since_backup_bytes = parts_.wal_since_backup(*store_);
    }
    return history;
  }

  bool has_turn(schedule::Job job) {
    if (const auto held = held_back_.find(job); held != held_back_.end()) {
      if (parts_.clock.monotonic() < held->second.until) return false;
    }
    // A backup never waits for a drill of hours.
    auto in_the_way = [&](const Running& running) {
      const bool backups = job == schedule::Job::kBackup;
      return one_at_a_time_ || backups == (running.due.job == schedule::Job::kBackup);
    };
    return std::ranges::none_of(running_, in_the_way);
  }

  // An objective has no hour of its own: the backup that it is measured from says which one is due.
  Timestamp instant_of(const Due& due) const {
    if (due.reason != schedule::Reason::kObjective) return due.at;
    Timestamp newest;
    for (const schedule::Attempt& attempt : history_.attempts) {
      if (attempt.job == due.job && attempt.outcome == schedule::Outcome::kDone) {
        newest = std::max(newest, attempt.started_at);
      }
    }
    return newest;
  }

  // What it was claimed for may have been done between the decision and the claim.
  Result<bool> still_due(const Due& due) {
    history_ = TRY(read_history());
    const Decision now = schedule::decide(options_.schedule, history_, parts_.clock.now());
    return std::ranges::any_of(now.due, [&](const Due& one) {
      return one.job == due.job && one.failures == due.failures;
    });
  }

  Result<void> start(const Due& due) {
    const Work work{due.job, instant_of(due), due.failures};
    const std::optional<store::ObjectKey> claim =
        TRY(take_claim(*store_, options_.cluster, work, parts_.clock));
    if (!claim) {
      left_.push_back(due.job);
      return success();
    }
    const Result<bool> due_still = still_due(due);
    if (!due_still.ok() || !*due_still) {
      (void)store_->remove(*claim);
      return due_still.ok() ? success() : Result<void>(due_still.error());
    }
    parts_.say(fmt::format("{} begins ({}): {}", schedule::job_name(due.job),
                           schedule::reason_name(due.reason), due.text));
    const Timestamp since = parts_.clock.now();
    Result<std::unique_ptr<Job>> job = parts_.start(due.job);
    if (!job.ok()) {
      (void)store_->remove(*claim);
      return std::move(job).error();
    }
    running_.push_back({due, *std::move(job), *claim, since});
    return success();
  }

  // ---- what has ended ----

  void end(const Running& ended, int status) {
    ran_.push_back({ended.due, status});
    const std::string_view name = schedule::job_name(ended.due.job);
    const std::string took =
        human_duration(std::chrono::duration<double>(parts_.clock.now() - ended.since).count());
    if (status == 0) {
      parts_.say(fmt::format("{} is done after {}", name, took));
      held_back_.erase(ended.due.job);
    } else {
      parts_.say(fmt::format("{} ended after {} with exit status {}", name, took, status));
      const Result<void> recorded = see_recorded(ended, status);
      if (!recorded.ok()) hold_back(ended.due.job, recorded.error());
    }
    // Not before the history has it. Who may not remove it leaves it: it ends by itself.
    (void)store_->remove(ended.claim);
  }

  // What failed before it could write its event is an attempt, too: or it would be due again at
  // once.
  Result<void> see_recorded(const Running& ended, int status) {
    const schedule::History history = TRY(read_history());
    const bool known = std::ranges::any_of(history.attempts, [&](const schedule::Attempt& attempt) {
      return attempt.job == ended.due.job && attempt.started_at >= ended.since;
    });
    if (known) return success();
    catalog::Event event = catalog::new_event(std::string(schedule::job_name(ended.due.job)),
                                              parts_.clock, parts_.random);
    event.started_at = ended.since;
    event.detail = "by the agent";
    catalog::EventRecorder recorder(*store_, options_.cluster, parts_.clock);
    TRY(recorder.begin(event));
    const Error error = make_error(
        ErrorKind::kIo,
        fmt::format("it ended with exit status {} before it began; the agent's log says why",
                    status));
    return recorder.end(event, &error);
  }

  void hold_back(schedule::Job job, const Error& why) {
    HeldBack& held = held_back_[job];
    held.until = parts_.clock.monotonic() + schedule::backoff(++held.failures);
    parts_.warn(why);
  }

  struct HeldBack {
    nanoseconds until{0};
    int failures = 0;
  };

  const Options& options_;
  const Parts& parts_;
  const bool one_at_a_time_;
  std::unique_ptr<store::ObjectStore> store_;
  schedule::History history_;
  Decision decision_;
  bool was_read_ = false;
  std::vector<Running> running_;
  std::vector<Ran> ran_;
  std::vector<schedule::Job> left_;
  std::map<schedule::Job, HeldBack> held_back_;
};

// The same is not said every minute.
class SaidOnce {
 public:
  explicit SaidOnce(const Parts& parts) : parts_(parts) {}
  void trouble(const Result<void>& result) {
    const std::string text = result.ok() ? std::string() : result.error().message;
    if (text != trouble_ && !result.ok()) parts_.warn(result.error());
    if (text != trouble_ && result.ok()) parts_.say("the repository answers again");
    trouble_ = text;
  }
  void objective(const std::string& text) {
    if (text != objective_ && !text.empty()) parts_.say("objective: " + text);
    objective_ = text;
  }

 private:
  const Parts& parts_;
  std::string trouble_, objective_;
};

// Whether a job has ended or one has become due; at the latest until `deadline`.
bool wait_for_change(Agent& agent, const Parts& parts, nanoseconds deadline) {
  const std::optional<Timestamp> next = agent.decision().next;
  while (!parts.stop.stop_requested() && parts.clock.monotonic() < deadline) {
    if (agent.reap() || (next && parts.clock.now() >= *next)) return true;
    parts.clock.sleep(kBetweenGlances);
  }
  return false;
}

}  // namespace

bool OnceReport::done() const {
  return std::ranges::all_of(ran, [](const Ran& one) { return one.exit_status == 0; });
}

Result<OnceReport> run_once(const Options& options, const Parts& parts) {
  Agent agent(options, parts, /*one_at_a_time=*/true);
  Result<void> started = success();
  while (!parts.stop.stop_requested()) {
    started = agent.start_due();
    if (!started.ok() || agent.idle()) break;
    while (!agent.reap() && !parts.stop.stop_requested()) parts.clock.sleep(kBetweenGlances);
  }
  agent.interrupt();
  if (parts.stop.stop_requested()) {
    return make_error(ErrorKind::kCancelled, "interrupted", "what is due is done by the next run");
  }
  parts.watch();
  TRY(started);
  return OnceReport{agent.ran(), agent.left(), agent.decision().next,
                    agent.decision().objective_trouble};
}

void run(const Options& options, const Parts& parts) {
  Agent agent(options, parts, /*one_at_a_time=*/false);
  SaidOnce said(parts);
  bool read_now = true;
  nanoseconds read{0};
  std::optional<nanoseconds> watched;
  while (!parts.stop.stop_requested()) {
    // By a clock that does not jump; the schedule's instants are the calendar's.
    const nanoseconds looked = parts.clock.monotonic();
    if (read_now || agent.waits() || looked - read >= kBetweenReads) {
      const Result<void> started = agent.start_due();
      said.trouble(started);
      said.objective(agent.decision().objective_trouble);
      read = looked;
    }
    if (!watched || looked - *watched >= kBetweenLooks) {
      parts.watch();
      watched = looked;
    }
    read_now = wait_for_change(agent, parts, *watched + kBetweenLooks);
  }
  agent.interrupt();
}

}  // namespace walkback::agent
