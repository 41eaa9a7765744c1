#include "cli/commands.h"
#include "cli/recovery_options.h"
#include "cli/rescue_text.h"
#include "undo/rescue.h"

namespace walkback::cli {

namespace {

Result<undo::RescueOptions> rescue_options(const RescueOptions& options,
                                           const config::Config& config, Session& session) {
  undo::RescueOptions rescue;
  rescue.cluster = config.cluster;
  rescue.table = options.table;
  rescue.where = options.where;
  rescue.scratch =
      scratch_options(TRY(scratch_directory(options.into, config, session)), config, session);
  rescue.connect_live = session.connect_to(config);
  if (!options.output.empty()) rescue.output = {options.format, session.absolute(options.output)};
  rescue.on_conflict = options.on_conflict;
  rescue.as = options.as;
  rescue.keep = options.keep;
  return rescue;
}

}  // namespace

Result<ExitStatus> run_rescue(const RescueOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  restore::PlanOptions planned = TRY(plan_options(options.target, config, session));
  planned.by_indexes = true;
  const undo::RescueOptions rescue = TRY(rescue_options(options, config, session));
  Env& env = session.env();
  TRY(check_not_root(config, session));
  TRY(session.check_repository_owner(config));
  TRY(scratch::check_directory(rescue.scratch, env.files));
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  const restore::RecoveryPlan plan = TRY(make_plan(planned, *store, stop, session));
  scratch::Surroundings around{env.files, *store, env.clock, env.random, session.progress(), stop};
  const undo::RescueReport report = TRY(undo::run_rescue(rescue, planned, plan, around));
  const RescueView view{report, plan, rescue.output};
  session.result(rescue_text(view, session.suggestion()), rescue_json(view));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
