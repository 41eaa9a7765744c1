#include "cli/check_upkeep.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/record.h"
#include "base/human.h"
#include "cli/alert_options.h"
#include "cli/health_facts.h"
#include "cli/retention_options.h"
#include "cli/schedule_options.h"
#include "retention/coverage.h"

namespace walkback::cli {

namespace {

using setup::failed;
using setup::Finding;
using setup::Level;

std::string days_text(std::chrono::microseconds span) {
  return human_duration(std::chrono::duration<double>(span).count());
}

Finding window_finding(std::chrono::seconds window, const retention::Coverage& there,
                       Timestamp now) {
  if (there.whole_at <= now) {
    return {Level::kOk, "retention",
            fmt::format("any moment of the last {} can be recovered", days_text(window))};
  }
  return {Level::kOk, "retention",
          fmt::format("retention.window asks for {}; there are {}, since {}: whole on {}",
                      days_text(window), days_text(there.until - there.since),
                      local_second(there.since), local_second(there.whole_at))};
}

// An agent begins within a minute or two, one that takes a dead one's work over within ten.
constexpr std::chrono::minutes kBegunByNow{15};

// What any agent would have begun by now. While something runs, the rest may wait for it; what was
// tried in vain somebody tries.
std::optional<schedule::Due> missed_run(schedule::Schedule schedule,
                                        const schedule::History& history, Timestamp now) {
  const bool runs = std::ranges::any_of(history.attempts, [](const schedule::Attempt& attempt) {
    return attempt.outcome == schedule::Outcome::kRunning;
  });
  if (runs) return std::nullopt;
  schedule.recovery_time_objective.reset();
  for (const schedule::Due& due : schedule::decide(schedule, history, now).due) {
    if (due.failures == 0 && now - due.at > kBegunByNow) return due;
  }
  return std::nullopt;
}

bool sets_schedule(const config::Config& config) {
  const config::Config none;
  return config.schedule_backup != none.schedule_backup ||
         config.schedule_prune != none.schedule_prune ||
         config.schedule_verify != none.schedule_verify ||
         config.schedule_drill != none.schedule_drill ||
         config.schedule_zone != none.schedule_zone ||
         config.schedule_recovery_time_objective != none.schedule_recovery_time_objective;
}

}  // namespace

std::vector<Finding> check_alerts(const config::Config& config, Session& session) {
  const alert::TellOptions options = alert_options(config, session);
  if (!alert::tells_anybody(options)) {
    return {{Level::kOk, "alerts", "nobody is told of anything: [alert] is empty"}};
  }
  const auto probed = alert::probe_all(options.channels, session.env().alert_means());
  if (!probed.ok()) return {failed("alerts", probed.error())};
  std::vector<Finding> findings;
  for (const alert::Probed& one : *probed) {
    const std::string what = "alert: " + one.channel;
    findings.push_back(one.seen.ok() ? Finding{Level::kOk, what, *one.seen}
                                     : failed(what, one.seen.error()));
    Finding& finding = findings.back();
    if (finding.level == Level::kFailed && finding.hint.empty()) {
      finding.hint = "mended, `walkback status --test-alert` proves it with a message";
    }
  }
  return findings;
}

std::vector<Finding> check_retention(const config::Config& config,
                                     const std::vector<catalog::RecoveryWindow>& windows,
                                     const std::vector<catalog::BackupSummary>& backups,
                                     Timestamp now) {
  const retention::Policy policy = policy_of(config);
  std::vector<Finding> findings;
  if (policy.window) {
    const auto there = retention::coverage(*policy.window, windows, backups, now);
    if (there) findings.push_back(window_finding(*policy.window, *there, now));
    if (!there && !windows.empty()) {
      findings.push_back(
          {Level::kWarning, "retention",
           "since when moments can be recovered is not known: the date of every "
           "backup is yet to come",
           "set the clock of the host that took them right, then `walkback backup`"});
    }
  }
  for (const std::string& tier : retention::tiers_within_window(policy)) {
    findings.push_back({Level::kWarning, "retention",
                        fmt::format("retention.{} keeps nothing that the window of {} does not",
                                    tier, days_text(*policy.window)),
                        "a number that reaches beyond the window, or take it out"});
  }
  return findings;
}

setup::Finding judge_schedule(const config::Config& config, const schedule::Schedule& schedule,
                              const schedule::History& history, Timestamp now) {
  const std::string when = schedule_text(schedule);
  const std::optional<schedule::Due> missed = missed_run(schedule, history, now);
  if (!missed) return {Level::kOk, "schedule", when};
  const std::string what(schedule::job_name(missed->job));
  const std::string since = local_second(missed->at);
  // Whoever has cron run things sets no times of an agent's.
  if (!sets_schedule(config)) {
    return {Level::kOk, "schedule",
            fmt::format("[schedule] is not set, and no agent keeps its defaults ({}): cron or a "
                        "timer has to run what is to be run",
                        when)};
  }
  return {Level::kWarning, "schedule",
          fmt::format("{}: nobody keeps it. By it {} {}, and none began since", when, what,
                      missed->reason == schedule::Reason::kFirst
                          ? "was to be taken at once, at " + since
                          : "was due at " + since),
          "`walkback agent` keeps it (contrib/systemd has a unit: is it enabled, and running?); "
          "where cron does, take [schedule] out"};
}

std::vector<Finding> check_schedule(const config::Config& config, store::ObjectStore& objects,
                                    Session& session) {
  Env& env = session.env();
  Result<schedule::Schedule> schedule = schedule_of(config, env.files);
  if (!schedule.ok()) return {failed("schedule", schedule.error())};
  Result<schedule::History> history = agent::read_history(objects, config.cluster, env.clock);
  if (!history.ok()) return {failed("schedule", history.error())};
  std::vector<Finding> findings{judge_schedule(config, *schedule, *history, env.clock.now())};
  if (!schedule->recovery_time_objective) {
    schedule->recovery_time_objective = health_limits(config).recovery_time_objective;
  }
  if (schedule->recovery_time_objective) {
    history->wal_since_backup_bytes = wal_since_backup(config, objects, session);
  }
  const std::string trouble =
      schedule::decide(*schedule, *history, env.clock.now()).objective_trouble;
  if (!trouble.empty()) {
    findings.push_back({Level::kWarning, "objective", trouble,
                        history->speed
                            ? "recovery.workers and a nearer repository make restores faster; or "
                              "ask for less: recovery_time_objective in [schedule] or [status]"
                            : "`walkback drill --into DIR` measures it"});
  }
  return findings;
}

}  // namespace walkback::cli
