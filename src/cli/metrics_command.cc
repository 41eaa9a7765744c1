#include "base/bytes.h"
#include "cli/commands.h"
#include "cli/health_facts.h"
#include "cli/version.h"
#include "health/rules.h"
#include "metrics/expose.h"
#include "metrics/listener.h"

namespace walkback::cli {

namespace {

// The collector is another user.
constexpr uint32_t kTextfileMode = 0644;

// A stop is seen so soon.
constexpr std::chrono::milliseconds kBetweenGlances{500};

std::string gathered(const config::Config& config, StoredByClass& stored, Session& session) {
  const health::Limits limits = health_limits(config);
  health::Facts facts = health_facts(config, limits, session);
  stored.add_to(facts, config, session);
  return metrics::expose(facts, limits, health::judge(facts, limits), version_number());
}

Result<ExitStatus> serve(const config::Config& config, const std::string& address,
                         Session& session) {
  const auto listener =
      TRY(session.failing_with(ExitStatus::kBadUsage, metrics::Listener::open(address)));
  session.remember_small_objects();
  StoredByClass stored;
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  while (!stop.stop_requested()) {
    listener->serve(kBetweenGlances, [&] { return gathered(config, stored, session); });
  }
  return ExitStatus::kDone;
}

}  // namespace

Result<ExitStatus> run_metrics(const MetricsOptions& options, Session& session) {
  const config::Config config = TRY(session.load_config());
  if (options.listen) return serve(config, *options.listen, session);
  session.watch_interrupts(OnInterrupt::kEnd);
  StoredByClass stored;
  const std::string text = gathered(config, stored, session);
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
