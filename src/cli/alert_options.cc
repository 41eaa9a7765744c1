#include "cli/alert_options.h"

#include "base/host_name.h"
#include "config/keys.h"

namespace walkback::cli {

namespace {

// "/etc/walkback/walkback.toml" gives "/etc/walkback/walkback.alert.state".
std::string state_file_beside(const std::string& config_path) {
  constexpr std::string_view kToml = ".toml";
  std::string_view stem = config_path;
  if (stem.ends_with(kToml)) stem.remove_suffix(kToml.size());
  return std::string(stem) + ".alert.state";
}

}  // namespace

alert::TellOptions alert_options(const config::Config& config, const Session& session) {
  alert::TellOptions options;
  options.channels.slack_url = config.alert_slack_url;
  options.channels.webhook_url = config.alert_webhook_url;
  options.channels.pagerduty_key = config.alert_pagerduty_key;
  options.channels.pagerduty_url = config.alert_pagerduty_url;
  options.channels.command = config.alert_command;
  options.channels.dead_mans_switch_url = config.alert_dead_mans_switch_url;
  alert::EmailOptions& email = options.channels.email;
  email.server = config.alert_smtp_url;
  email.security = config.alert_smtp_security;
  email.user = config.alert_smtp_user;
  email.password = config.alert_smtp_password;
  email.ca_file = config.alert_smtp_ca_file;
  email.from = config.alert_email_from;
  email.to = config.alert_email_to;
  // Empty: what was said is not said again.
  options.repeat = config::parse_span(config.alert_repeat).value_or(std::chrono::years(100));
  options.state_file = config.alert_state_file.empty() ? state_file_beside(session.config_path())
                                                       : config.alert_state_file;
  options.host = host_name();
  return options;
}

}  // namespace walkback::cli
