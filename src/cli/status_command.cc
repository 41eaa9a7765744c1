#include <algorithm>

#include "base/host_name.h"
#include "cli/alert_options.h"
#include "cli/commands.h"
#include "cli/health_facts.h"
#include "cli/status_text.h"
#include "health/report_json.h"
#include "health/rules.h"

namespace walkback::cli {

namespace {

ExitStatus status_of(health::Level level) {
  switch (level) {
    case health::Level::kHealthy:
      return ExitStatus::kDone;
    case health::Level::kWarning:
      return ExitStatus::kStatusWarning;
    case health::Level::kCritical:
      return ExitStatus::kStatusCritical;
  }
  return ExitStatus::kStatusCritical;
}

Result<ExitStatus> test_alerts(const alert::TellOptions& options, const config::Config& config,
                               Session& session) {
  health::Report nothing;
  nothing.cluster = config.cluster;
  nothing.at = session.env().clock.now();
  const std::vector<alert::Delivery> deliveries =
      TRY(alert::tell_test(options, nothing, session.env().alert_means()));
  session.result(test_alert_text(deliveries), test_alert_json(deliveries));
  const bool all = std::ranges::all_of(
      deliveries, [](const alert::Delivery& one) { return !one.error.has_value(); });
  return all ? ExitStatus::kDone : ExitStatus::kStatusCritical;
}

}  // namespace

Result<ExitStatus> run_status(const StatusOptions& options, Session& session) {
  const config::Config config = TRY(session.load_config());
  session.watch_interrupts(OnInterrupt::kEnd);
  const alert::TellOptions tell = alert_options(config, session);
  if (options.test_alert) return test_alerts(tell, config, session);
  const health::Limits limits = health_limits(config);
  health::Facts facts = health_facts(config, limits, session);
  health::Report report = health::judge(facts, limits);
  if (options.alert) {
    const alert::Told told = TRY(alert::tell(tell, completed(report, session.suggestion()),
                                             session.env().files, session.env().alert_means()));
    // Whom this could not be told is one of the findings.
    facts.alerts = told.facts;
    report = health::judge(facts, limits);
  }
  session.result(status_text(report),
                 health::report_json(completed(report, session.suggestion()), host_name()));
  return status_of(report.status());
}

}  // namespace walkback::cli
