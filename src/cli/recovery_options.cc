#include "cli/recovery_options.h"

#include <fmt/format.h>

#include "cli/find_text.h"
#include "cli/read_target.h"
#include "find/find.h"
#include "setup/repository_place.h"

namespace walkback::cli {

namespace {

// The indexes reach further than the recoveries: what `find` shows of a transaction is why it
// cannot be a target. Nothing where it has no better reason.
std::optional<Error> true_reason(const restore::PlanOptions& options, store::ObjectStore& store,
                                 std::stop_token stop, const Error& refusal) {
  using restore::TargetKind;
  const TargetKind kind = options.target.kind;
  if (kind != TargetKind::kXid && kind != TargetKind::kBeforeXid) return std::nullopt;
  // That another timeline has it is the better reason already.
  if (refusal.hint.find("--timeline ") != std::string::npos) return std::nullopt;
  find::FindOptions find;
  find.cluster = options.cluster;
  find.xid = options.target.xid;
  find.until = options.now.value_or(Timestamp{INT64_MAX});
  find.timeline = options.timeline;
  const Result<find::FindReport> report = find::run_find(find, store, silent_progress(), stop);
  if (!report.ok() || report->found.size() + report->others.size() != 1) return std::nullopt;
  const find::FoundWork& work =
      report->found.empty() ? report->others.front() : report->found.front();
  return why_no_target(work, refusal);
}

}  // namespace

Result<restore::PlanOptions> plan_options(const TargetOptions& target, const config::Config& config,
                                          Session& session) {
  restore::PlanOptions options;
  options.cluster = config.cluster;
  options.target = TRY(
      session.failing_with(ExitStatus::kBadUsage, read_target(target, session.env().clock.now())));
  options.timeline = target.timeline;
  options.now = session.env().clock.now();
  options.unreadable = [&session](const Error& error) { session.warn(error); };
  return options;
}

Result<restore::RecoveryPlan> make_plan(const restore::PlanOptions& options,
                                        store::ObjectStore& store, std::stop_token stop,
                                        Session& session) {
  auto plan = restore::make_plan(options, store, session.progress(), stop);
  bool unreachable = !plan.ok() && (plan.error().kind == ErrorKind::kInvalid ||
                                    plan.error().kind == ErrorKind::kMissing);
  if (!plan.ok() && plan.error().kind == ErrorKind::kInvalid) {
    if (std::optional<Error> reason = true_reason(options, store, stop, plan.error())) {
      plan = *std::move(reason);
    }
  }
  return unreachable ? session.failing_with(ExitStatus::kTargetUnreachable, std::move(plan))
                     : std::move(plan);
}

restore::Neighbours neighbours_of(const config::Config& config) {
  restore::Neighbours neighbours;
  neighbours.live_pgdata = config.pgdata;
  for (const std::string& url : config::repository_urls(config)) {
    if (auto directory = setup::repository_directory(url)) {
      neighbours.repositories.push_back(*std::move(directory));
    }
  }
  return neighbours;
}

scratch::ScratchOptions scratch_options(std::string directory, const config::Config& config,
                                        Session& session) {
  scratch::ScratchOptions options;
  options.directory = std::move(directory);
  options.neighbours = neighbours_of(config);
  options.workers = config.recovery_workers;
  options.on_demand = config.recovery_on_demand;
  options.server_binaries = config.bin_dir;
  options.program = session.env().program;
  options.config_path = session.config_path();
  return options;
}

Result<std::string> scratch_directory(const std::optional<std::string>& into,
                                      const config::Config& config, Session& session) {
  if (into) return session.absolute(*into);
  if (!config.drill_directory.empty()) return config.drill_directory;
  if (!config.pgdata.empty()) return parent_path(config.pgdata);
  return session.failing_with(
      ExitStatus::kBadUsage,
      Result<std::string>(make_error(ErrorKind::kInvalid,
                                     "nothing says where the scratch server is to lie",
                                     "--into DIR, with room for the cluster")));
}

Result<void> check_not_root(const config::Config& config, Session& session) {
  Env& env = session.env();
  if (env.user_id != 0) return success();
  const auto live = env.files.status(config.pgdata);
  const std::string owner = live.ok() && *live ? env.user_name((*live)->owner) : "postgres";
  return make_error(ErrorKind::kDenied, "PostgreSQL does not run as root",
                    fmt::format("run this as the user who is to own the copy: `{}`",
                                as_user(owner, env, session.global())));
}

}  // namespace walkback::cli
