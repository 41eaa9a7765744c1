#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/health_facts.h"
#include "cli/version.h"
#include "health/rules.h"
#include "metrics/expose.h"

namespace walkback::cli {

namespace {

// The collector is another user.
constexpr uint32_t kTextfileMode = 0644;

}  // namespace

Result<ExitStatus> run_metrics(const MetricsOptions& options, Session& session) {
  const config::Config config = TRY(session.load_config());
  session.watch_interrupts(OnInterrupt::kEnd);
  const health::Limits limits = health_limits(config);
  const health::Facts facts = health_facts(config, limits, session);
  const std::string text =
      metrics::expose(facts, limits, health::judge(facts, limits), version_number());
  if (!options.textfile) {
    session.env().output.out(text);
    return ExitStatus::kDone;
  }
  // The collector reads whatever ends in ".prom", at any moment.
  const std::string path = join_path(session.absolute(*options.textfile), "walkback.prom");
  TRY(replace_file(session.env().files, path, as_bytes(text), kTextfileMode));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
