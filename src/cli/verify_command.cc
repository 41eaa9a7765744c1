#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/human.h"
#include "cli/retention_options.h"
#include "cli/verify_text.h"
#include "verify/verify.h"

namespace walkback::cli {

Result<ExitStatus> run_verify(const VerifyOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  TRY(session.check_repository_owner(config));
  // With whatever private key is at hand; without one it proves what can be proved.
  auto store = TRY(session.open_repository(config, Access::kReadData));
  auto beneath = TRY(session.open_beneath(config));
  TRY(session.check_cluster(*store, config));
  verify::VerifyOptions verify;
  verify.cluster = config.cluster;
  verify.deep = options.deep;
  verify.workers = config.verify_workers;
  verify.limit_bytes_per_s = static_cast<uint64_t>(config.verify_limit_mib_per_s) << 20;
  verify.promise = promise_of(config);
  Env& env = session.env();
  const verify::VerifyReport report = TRY(verify::run_verify(verify, *store, *beneath, env.clock,
                                                             env.random, session.progress(), stop));
  if (report.sound()) {
    session.result(verify_text(report), verify_json(report, nullptr));
    return ExitStatus::kDone;
  }
  const Error error = trouble_error(report);
  session.result(verify_text(report), verify_json(report, &error));
  // The text has each finding: it need not be said twice on one screen.
  return session.fail_after_result(session.global().json ? error : trouble_count(report),
                                   ExitStatus::kDamageFound);
}

}  // namespace walkback::cli
