#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/drill_text.h"
#include "cli/recovery_options.h"
#include "cli/text.h"
#include "drill/drill.h"

namespace walkback::cli {

namespace {

Result<std::string> directory_of(const DrillOptions& options, const config::Config& config,
                                 Session& session) {
  const std::string directory = options.into.value_or(config.drill_directory);
  if (!directory.empty()) return session.absolute(directory);
  return session.failing_with(
      ExitStatus::kBadUsage,
      Result<std::string>(make_error(
          ErrorKind::kInvalid, "nothing says where the scratch server is to lie",
          "--into DIR, or directory in [drill]; with room for the cluster, apart from it")));
}

Result<drill::DrillOptions> drill_options(const DrillOptions& options, const config::Config& config,
                                          Session& session) {
  drill::DrillOptions drill;
  drill.scratch = scratch_options(TRY(directory_of(options, config, session)), config, session);
  for (const config::DrillCheck& check : config.drill_checks) {
    drill.checks.push_back({check.name, check.database, check.sql, check.expect});
  }
  for (const std::string& sql : options.checks) {
    drill.checks.push_back({sql, options.database, sql, std::nullopt});
  }
  drill.check_timeout_s = config.drill_check_timeout_s;
  drill.heap_all_indexed = config.drill_heap_all_indexed;
  drill.keep = options.keep;
  return drill;
}

// From now on it is a moment as if somebody had named it.
Result<std::optional<drill::RandomTarget>> choose(const DrillOptions& options,
                                                  const config::Config& config,
                                                  store::ObjectStore& store,
                                                  restore::PlanOptions& planned, Session& session) {
  if (!options.random) return std::optional<drill::RandomTarget>();
  // Short enough to be typed again.
  const uint64_t seed = options.seed.value_or(session.env().random.next_u64() >> 32);
  drill::RandomTarget target = TRY(session.failing_with(
      ExitStatus::kTargetUnreachable, drill::random_target(store, config.cluster, seed)));
  planned.target.kind = restore::TargetKind::kTime;
  planned.target.time = target.time;
  planned.timeline = target.window.timeline;
  planned.lineage = target.window.system_identifier;
  return std::optional(std::move(target));
}

}  // namespace

Result<ExitStatus> run_drill(const DrillOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  restore::PlanOptions planned = TRY(plan_options(options.target, config, session));
  const drill::DrillOptions drill = TRY(drill_options(options, config, session));
  Env& env = session.env();
  // What can be refused without a plan is refused first.
  TRY(check_not_root(config, session));
  TRY(session.check_repository_owner(config));
  TRY(drill::check_drill_directory(drill, env.files));
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  const std::optional<drill::RandomTarget> random =
      TRY(choose(options, config, *store, planned, session));
  const restore::RecoveryPlan plan = TRY(make_plan(planned, *store, stop, session));
  scratch::Surroundings around{env.files, *store, env.clock, env.random, session.progress(), stop};
  const drill::DrillPlan checked = TRY(drill::check_drill(drill, planned, plan, random, around));
  session.show(drill_plan_text(checked));

  const drill::DrillReport report = TRY(drill::run_drill(drill, checked, around));
  if (report.passed()) {
    session.result(drill_text(report, session.suggestion()), drill_json(report, nullptr));
    return ExitStatus::kDone;
  }
  const Error error = drill_error(report);
  session.result(drill_text(report, session.suggestion()), drill_json(report, &error));
  return session.fail_after_result(error, ExitStatus::kDrillFailed);
}

}  // namespace walkback::cli
