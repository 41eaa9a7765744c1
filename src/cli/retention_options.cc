#include "cli/retention_options.h"

#include "config/keys.h"

namespace walkback::cli {

retention::Policy policy_of(const config::Config& config) {
  retention::Policy policy;
  policy.window = config::parse_span(config.retention_window);
  policy.count = config.retention_count;
  policy.hourly = config.retention_hourly;
  policy.daily = config.retention_daily;
  policy.weekly = config.retention_weekly;
  policy.monthly = config.retention_monthly;
  policy.yearly = config.retention_yearly;
  return policy;
}

catalog::Promise promise_of(const config::Config& config) {
  catalog::Promise promise;
  promise.window = config::parse_span(config.retention_window);
  promise.count = config.retention_count;
  promise.thins_out = config.retention_hourly + config.retention_daily + config.retention_weekly +
                          config.retention_monthly + config.retention_yearly >
                      0;
  return promise;
}

}  // namespace walkback::cli
