#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/live_archiver.h"
#include "cli/recovery_options.h"
#include "cli/text.h"
#include "restore/plan.h"
#include "restore/recover.h"

namespace walkback::cli {

namespace {

// What the plan shows as given up, or as nothing to give up, is what the archive holds.
void warn_of_archiving(const config::Config& config, Session& session) {
  const auto connection = connect_at_once(config, session);
  if (!connection) return;
  const auto archiver = ask_archiver(*connection);
  if (!archiver.ok() || !*archiver) return;
  if (const std::optional<Error> trouble = archiving_trouble(**archiver)) session.warn(*trouble);
}

restore::RecoveryAction configured_action(const config::Config& config) {
  using restore::RecoveryAction;
  for (auto action : {RecoveryAction::kPause, RecoveryAction::kShutdown}) {
    if (restore::recovery_action_name(action) == config.recovery_action) return action;
  }
  return RecoveryAction::kPromote;
}

restore::RecoverOptions recover_options(const RecoverOptions& options, const config::Config& config,
                                        Session& session) {
  restore::RecoverOptions recover;
  recover.into = session.absolute(options.into);
  recover.port = options.port;
  recover.action = options.action.value_or(configured_action(config));
  recover.tablespaces = options.tablespaces;
  recover.start = options.start;
  recover.delta = options.delta;
  recover.workers = config.recovery_workers;
  recover.server_binaries = config.bin_dir;
  recover.neighbours = neighbours_of(config);
  recover.program = session.env().program;
  recover.config_path = session.config_path();
  return recover;
}

// Of the directory's nearest parent that exists: the directory itself is made later.
std::optional<DiskSpace> free_space(FileSystem& files, std::string path) {
  while (path.size() > 1) {
    auto status = files.status(path);
    if (status.ok() && *status) break;
    path = parent_path(path);
  }
  auto space = files.disk_space(path);
  return space.ok() ? std::optional(*space) : std::nullopt;
}

}  // namespace

Result<ExitStatus> run_plan(const PlanOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  restore::PlanOptions planned = TRY(plan_options(options.target, config, session));
  std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  warn_of_archiving(config, session);
  restore::RecoveryPlan plan = TRY(make_plan(planned, *store, stop, session));
  session.result(plan_text(plan), plan_json(plan));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_recover(const RecoverOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  restore::PlanOptions planned = TRY(plan_options(options.target, config, session));
  restore::RecoverOptions recover = recover_options(options, config, session);
  Env& env = session.env();
  // A plan takes a while: what can be refused without one is refused first.
  if (recover.start) TRY(check_not_root(config, session));
  TRY(session.check_repository_owner(config));
  TRY(restore::check_destination(recover, env.files));
  std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  restore::RecoveryPlan plan = TRY(make_plan(planned, *store, stop, session));
  const restore::CheckedTarget checked =
      TRY(restore::check_recovery(recover, planned, plan, env.files, *store, env.clock));

  Destination destination{checked, free_space(env.files, checked.layout.data_directory)};
  if (options.dry_run) {
    session.result(plan_text(plan, destination) + "\nThis was a dry run: nothing was written.\n",
                   dry_run_json(plan, checked));
    return ExitStatus::kDone;
  }
  // The plan is shown before the first byte is written.
  session.show(plan_text(plan, destination) + "\n");

  auto report = TRY(restore::run_recover(recover, planned, plan, checked, env.files, *store,
                                         env.clock, env.random, session.progress(), stop));
  if (!report.started || report.reached) {
    session.result(recover_text(report, recover.action, session.suggestion()),
                   recover_json(report, nullptr));
    return ExitStatus::kDone;
  }
  Error error = not_reached_error(report);
  session.result("", recover_json(report, &error));
  return session.fail_after_result(error, ExitStatus::kFailed);
}

}  // namespace walkback::cli
