#include "cli/run.h"

#include <algorithm>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/json.h"
#include "cli/parse.h"

namespace walkback::cli {

namespace {

bool holds(std::span<const std::string> arguments, std::string_view word) {
  return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}

// Whatever goes wrong in wal-get, a mistyped option included, PostgreSQL must not take it for "not
// in the archive". So the word alone decides, wherever it stands.
ExitStatus failure_status(std::span<const std::string> arguments, ExitStatus otherwise) {
  return holds(arguments, "wal-get") ? ExitStatus::kWalGetFailed : otherwise;
}

Result<ExitStatus> dispatch(const InitOptions& o, Session& s) { return run_init(o, s); }
Result<ExitStatus> dispatch(const WalPushOptions& o, Session& s) { return run_wal_push(o, s); }
Result<ExitStatus> dispatch(const WalGetOptions& o, Session& s) { return run_wal_get(o, s); }
Result<ExitStatus> dispatch(const BackupOptions& o, Session& s) { return run_backup(o, s); }
Result<ExitStatus> dispatch(const CheckOptions& o, Session& s) { return run_check(o, s); }
Result<ExitStatus> dispatch(const ListOptions& o, Session& s) { return run_list(o, s); }
Result<ExitStatus> dispatch(const IndexOptions& o, Session& s) { return run_index(o, s); }
Result<ExitStatus> dispatch(const FindOptions& o, Session& s) { return run_find(o, s); }
Result<ExitStatus> dispatch(const PlanOptions& o, Session& s) { return run_plan(o, s); }
Result<ExitStatus> dispatch(const RecoverOptions& o, Session& s) { return run_recover(o, s); }
Result<ExitStatus> dispatch(const UndoOptions& o, Session& s) { return run_undo(o, s); }
Result<ExitStatus> dispatch(const RescueOptions& o, Session& s) { return run_rescue(o, s); }
Result<ExitStatus> dispatch(const DrillOptions& o, Session& s) { return run_drill(o, s); }
Result<ExitStatus> dispatch(const AdoptOptions& o, Session& s) { return run_adopt(o, s); }
Result<ExitStatus> dispatch(const VerifyOptions& o, Session& s) { return run_verify(o, s); }
Result<ExitStatus> dispatch(const StatusOptions& o, Session& s) { return run_status(o, s); }
Result<ExitStatus> dispatch(const AgentOptions& o, Session& s) { return run_agent(o, s); }
Result<ExitStatus> dispatch(const MetricsOptions& o, Session& s) { return run_metrics(o, s); }
Result<ExitStatus> dispatch(const CostOptions& o, Session& s) { return run_cost(o, s); }
Result<ExitStatus> dispatch(const HistoryOptions& o, Session& s) { return run_history(o, s); }
Result<ExitStatus> dispatch(const PruneOptions& o, Session& s) { return run_prune(o, s); }
Result<ExitStatus> dispatch(const KeepOptions& o, Session& s) { return run_keep(o, s); }
Result<ExitStatus> dispatch(const KeyGenerateOptions& o, Session& s) {
  return run_key_generate(o, s);
}
Result<ExitStatus> dispatch(const KeyListOptions& o, Session& s) { return run_key_list(o, s); }
Result<ExitStatus> dispatch(const KeyAddOptions& o, Session& s) { return run_key_add(o, s); }
Result<ExitStatus> dispatch(const KeyRotateOptions& o, Session& s) { return run_key_rotate(o, s); }

// What it cost over the network: requests are paid for. The server's log gets a line for each
// segment only when somebody asked: --verbose.
void tell_traffic(const GlobalOptions& global, bool archiver, Env& env) {
  if (global.quiet || (archiver && !global.verbose)) return;
  const std::string traffic = env.traffic();
  if (!traffic.empty()) env.output.err("network: " + traffic + "\n");
}

ExitStatus run_command(const Invocation& invocation, Env& env) {
  bool wal_get = std::holds_alternative<WalGetOptions>(invocation.command);
  const bool status_asked = std::holds_alternative<StatusOptions>(invocation.command);
  Session session(invocation.global, env,
                  wal_get        ? ExitStatus::kWalGetFailed
                  : status_asked ? ExitStatus::kStatusCritical
                                 : ExitStatus::kFailed);
  auto outcome = std::visit([&](const auto& options) { return dispatch(options, session); },
                            invocation.command);
  const ExitStatus status = outcome.ok() ? *outcome : session.fail(outcome.error());
  const bool archiver = wal_get || std::holds_alternative<WalPushOptions>(invocation.command);
  tell_traffic(invocation.global, archiver, env);
  return status;
}

ExitStatus parse_and_run(std::span<const std::string> arguments, Env& env) {
  Result<Parsed> parsed = parse(arguments, env.environment);
  if (!parsed.ok()) {
    if (holds(arguments, "--json")) env.output.out(error_json(parsed.error()));
    env.output.err(error_lines(parsed.error()));
    return failure_status(arguments, ExitStatus::kBadUsage);
  }
  if (const auto* answer = std::get_if<Answer>(&*parsed)) {
    env.output.out(answer->text);
    return ExitStatus::kDone;
  }
  return run_command(std::get<Invocation>(*parsed), env);
}

}  // namespace

ExitStatus run(std::span<const std::string> arguments, Env& env) {
  ExitStatus status = parse_and_run(arguments, env);
  // A result that nobody got is no result.
  Result<void> flushed = env.output.flush();
  if (!flushed.ok()) {
    env.output.err(error_lines(flushed.error()));
    return failure_status(arguments, ExitStatus::kFailed);
  }
  return status;
}

}  // namespace walkback::cli
