#include "alert/channels.h"

#include <fmt/format.h>

#include "alert/email_channel.h"
#include "alert/http_channel.h"
#include "alert/run_command.h"

namespace walkback::alert {

namespace {

constexpr std::chrono::milliseconds kCommandTime{30'000};
constexpr int kBadRequest = 400;

class CommandChannel final : public Channel {
 public:
  explicit CommandChannel(std::string command) : command_(std::move(command)) {}
  std::string name() const override { return "command"; }
  Result<void> send(const Message& message) override {
    return run_command(command_, json_of(message),
                       {{"ALERT_REASON", std::string(reason_name(message.reason))},
                        {"ALERT_LEVEL", std::string(health::level_name(message.report.status()))},
                        {"ALERT_SUBJECT", subject_of(message)}},
                       kCommandTime);
  }
  // It may do anything.
  Result<std::string> probe() override { return std::string("not run"); }

 private:
  const std::string command_;
};

Result<net::Url> url_of(const std::string& text, std::string_view key) {
  Result<net::Url> url = net::parse_url(text);
  if (url.ok()) return url;
  return make_error(ErrorKind::kInvalid, fmt::format("{} is no http:// or https:// URL", key),
                    "it is not shown here, for it is a secret");
}

// Its webhooks refuse an empty message with 400, and 403, 404 or 410 say that they take none.
HttpChannelOptions slack() {
  HttpChannelOptions options{.name = "slack", .url = {}, .key = {}};
  options.payload = [](const Message& message, const std::string&) {
    return slack_payload(message);
  };
  options.harmless = [](const std::string&) { return std::string("{}"); };
  options.harmless_status = kBadRequest;
  return options;
}

HttpChannelOptions webhook() {
  HttpChannelOptions options{.name = "webhook", .url = {}, .key = {}};
  options.payload = [](const Message& message, const std::string&) { return json_of(message); };
  return options;
}

// That an incident is over of which it never heard, it takes and forgets.
HttpChannelOptions pagerduty(const std::string& key) {
  HttpChannelOptions options{.name = "pagerduty", .url = {}, .key = key};
  options.payload = pagerduty_payload;
  options.harmless = pagerduty_resolved_nothing;
  return options;
}

}  // namespace

Result<std::vector<std::unique_ptr<Channel>>> open_channels(const ChannelOptions& options,
                                                            const Means& means) {
  std::vector<std::unique_ptr<Channel>> channels;
  auto over_http = [&](HttpChannelOptions one, const std::string& url,
                       std::string_view key) -> Result<void> {
    one.url = TRY(url_of(url, key));
    channels.push_back(make_http_channel(std::move(one), means));
    return success();
  };
  if (!options.slack_url.empty()) TRY(over_http(slack(), options.slack_url, "alert.slack_url"));
  if (!options.webhook_url.empty()) {
    TRY(over_http(webhook(), options.webhook_url, "alert.webhook_url"));
  }
  if (!options.pagerduty_key.empty()) {
    TRY(over_http(pagerduty(options.pagerduty_key), options.pagerduty_url, "alert.pagerduty_url"));
  }
  if (!options.email.server.empty()) {
    channels.push_back(TRY(make_email_channel(options.email, means)));
  }
  if (!options.command.empty()) {
    channels.push_back(std::make_unique<CommandChannel>(options.command));
  }
  if (!options.dead_mans_switch_url.empty()) {
    TRY(url_of(options.dead_mans_switch_url, "alert.dead_mans_switch_url"));
  }
  return channels;
}

Result<void> ping(const std::string& url, const Means& means) {
  return get(TRY(url_of(url, "alert.dead_mans_switch_url")), means);
}

Result<std::string> probe_switch(const std::string& url, const Means& means) {
  const net::Url parsed = TRY(url_of(url, "alert.dead_mans_switch_url"));
  if (parsed.path == "/" && parsed.query.empty()) return std::string("not pinged");
  return probe_server(parsed, means);
}

}  // namespace walkback::alert
