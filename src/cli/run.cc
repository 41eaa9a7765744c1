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
Result<ExitStatus> dispatch(const ListOptions& o, Session& s) { return run_list(o, s); }
Result<ExitStatus> dispatch(const PlanOptions& o, Session& s) { return run_plan(o, s); }
Result<ExitStatus> dispatch(const RecoverOptions& o, Session& s) { return run_recover(o, s); }
Result<ExitStatus> dispatch(const AdoptOptions& o, Session& s) { return run_adopt(o, s); }
Result<ExitStatus> dispatch(const HistoryOptions& o, Session& s) { return run_history(o, s); }

ExitStatus run_command(const Invocation& invocation, Env& env) {
  bool wal_get = std::holds_alternative<WalGetOptions>(invocation.command);
  Session session(invocation.global, env,
                  wal_get ? ExitStatus::kWalGetFailed : ExitStatus::kFailed);
  auto outcome = std::visit([&](const auto& options) { return dispatch(options, session); },
                            invocation.command);
  return outcome.ok() ? *outcome : session.fail(outcome.error());
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
