#include "alert/channels.h"

#include <fmt/format.h>

#include <algorithm>

#include "alert/run_command.h"
#include "net/http_date.h"
#include "net/retry.h"
#include "net/url.h"

namespace walkback::alert {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Somebody waits, or the next run of cron does: it tries again.
constexpr seconds kLongest{20};
constexpr net::Timeouts kTimeouts{milliseconds(5'000), milliseconds(10'000), milliseconds(10'000)};
constexpr net::RetryPolicy kRetries{4, milliseconds(500), milliseconds(5'000), milliseconds(5'000)};
constexpr milliseconds kCommandTime{30'000};
constexpr uint64_t kLargestAnswer = 64 << 10;

// The part that is a secret, of all that Slack and its like give out, is the path.
std::string without_secret(std::string message, const net::Url& url) {
  auto hide = [&](const std::string& secret) {
    if (secret.size() < 2) return;
    for (size_t at = message.find(secret); at != std::string::npos; at = message.find(secret, at)) {
      message.replace(at, secret.size(), "/…");
    }
  };
  if (!url.query.empty()) hide(url.path + "?" + url.query);
  hide(url.path);
  return message;
}

Error unexpected_answer(const net::Response& response, const net::Url& url) {
  const int status = response.status;
  const std::string where = url.scheme + "://" + url.authority;
  if (status >= 300 && status < 400) {
    const auto location = net::parse_url(response.header("location").value_or(""));
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} redirects to {}, which is not followed", where,
                                  location.ok() ? location->authority : "another place"),
                      "write the address that it redirects to, if that is right");
  }
  return make_error(
      net::is_transient_status(status) ? ErrorKind::kTransient : ErrorKind::kInvalid,
      fmt::format("{} answers {}", where, status),
      status == 401 || status == 403 || status == 404 ? "is its address or key still right?" : "");
}

Result<void> ask(net::Request request, const net::Url& url, const Means& means) {
  request.url = url.text();
  request.timeouts = kTimeouts;
  request.response_limit = kLargestAnswer;
  const auto deadline = means.clock.monotonic() + kLongest;
  request.deadline = deadline;
  net::Retries retries(kRetries, means.clock, means.random, deadline, {}, nullptr);
  for (;;) {
    const Result<net::Response> response = means.http.perform(request);
    if (response.ok() && response->status >= 200 && response->status < 300) return success();
    Error error = response.ok() ? unexpected_answer(*response, url) : response.error();
    error.message = without_secret(std::move(error.message), url);
    std::optional<std::chrono::nanoseconds> wait;
    if (response.ok()) {
      if (const auto header = response->header("retry-after")) {
        wait = net::parse_retry_after(*header, means.clock.now());
      }
    }
    TRY(retries.again(std::move(error), wait));
  }
}

Result<void> post(const net::Url& url, const std::string& json, const Means& means) {
  net::Request request;
  request.method = net::Method::kPost;
  request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                     {"User-Agent", "walkback"}};
  request.body = {as_bytes(json)};
  return ask(std::move(request), url, means);
}

class HttpChannel final : public Channel {
 public:
  using Payload = std::string (*)(const Message& message, const std::string& key);
  HttpChannel(std::string name, net::Url url, std::string key, Payload payload, const Means& means)
      : name_(std::move(name)),
        url_(std::move(url)),
        key_(std::move(key)),
        payload_(payload),
        means_(means) {}
  std::string name() const override { return name_; }
  Result<void> send(const Message& message) override {
    return post(url_, payload_(message, key_), means_);
  }

 private:
  const std::string name_;
  const net::Url url_;
  const std::string key_;
  const Payload payload_;
  const Means means_;
};

class EmailChannel final : public Channel {
 public:
  EmailChannel(EmailOptions options, net::MailServer server, const Means& means)
      : options_(std::move(options)), server_(std::move(server)), means_(means) {}
  std::string name() const override { return "email"; }
  Result<void> send(const Message& message) override {
    // The same message, should the server's answer to the first have been lost.
    const net::Mail mail{options_.from, options_.to,
                         email_text(message, options_, means_.clock.now(), means_.random.hex(16))};
    net::Retries retries(kRetries, means_.clock, means_.random, means_.clock.monotonic() + kLongest,
                         {}, nullptr);
    for (;;) {
      Result<void> sent = means_.mail.send(server_, mail);
      if (sent.ok()) return success();
      TRY(retries.again(std::move(sent).error()));
    }
  }

 private:
  const EmailOptions options_;
  const net::MailServer server_;
  const Means means_;
};

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

 private:
  const std::string command_;
};

Result<net::Url> url_of(const std::string& text, std::string_view key) {
  Result<net::Url> url = net::parse_url(text);
  if (url.ok()) return url;
  return make_error(ErrorKind::kInvalid, fmt::format("{} is no http:// or https:// URL", key),
                    "it is not shown here, for it is a secret");
}

bool is_address(const std::string& text) {
  const size_t at = text.find('@');
  const bool parts = at != std::string::npos && at > 0 && at + 1 < text.size();
  return parts && std::ranges::none_of(text, [](unsigned char c) {
           return c <= 0x20 || c == 0x7F || c == '<' || c == '>' || c == ',' || c == '"';
         });
}

Result<net::MailServer> mail_server(const EmailOptions& options) {
  const bool tls_first = options.server.starts_with("smtps://");
  std::string_view host = options.server;
  if (!tls_first && !host.starts_with("smtp://")) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url is no URL of a mail server",
                      "smtp://host:587, or smtps://host:465");
  }
  host.remove_prefix(tls_first ? 8 : 7);
  if (host.find('@') != std::string_view::npos) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url holds a user",
                      "alert.smtp_user and alert.smtp_password say who sends");
  }
  const bool here =
      host.starts_with("localhost") || host.starts_with("127.") || host.starts_with("[::1]");
  net::MailServer server;
  server.url = options.server;
  server.user = options.user;
  server.password = options.password;
  server.ca_file = options.ca_file;
  server.requires_tls = options.security == "tls" || (options.security == "auto" && !here);
  if (!server.user.empty() && !server.requires_tls && !tls_first && !here) {
    return make_error(ErrorKind::kInvalid,
                      "alert.smtp_security = \"none\" would send the password in the open",
                      "\"tls\", or a server that asks for no password");
  }
  return server;
}

Result<std::unique_ptr<Channel>> email_channel(const EmailOptions& options, const Means& means) {
  if (options.to.empty() || options.from.empty()) {
    return make_error(ErrorKind::kInvalid, "alert.smtp_url without alert.email_from and email_to",
                      "they say from whom and to whom the mail is");
  }
  for (const std::string& address : options.to) {
    if (!is_address(address)) {
      return make_error(ErrorKind::kInvalid, "alert.email_to holds what is no address");
    }
  }
  if (!is_address(options.from)) {
    return make_error(ErrorKind::kInvalid, "alert.email_from is no address");
  }
  return std::unique_ptr<Channel>(
      std::make_unique<EmailChannel>(options, TRY(mail_server(options)), means));
}

}  // namespace

Result<std::vector<std::unique_ptr<Channel>>> open_channels(const ChannelOptions& options,
                                                            const Means& means) {
  std::vector<std::unique_ptr<Channel>> channels;
  auto over_http = [&](std::string name, const std::string& url, std::string_view key,
                       const std::string& secret, HttpChannel::Payload payload) -> Result<void> {
    channels.push_back(std::make_unique<HttpChannel>(std::move(name), TRY(url_of(url, key)), secret,
                                                     payload, means));
    return success();
  };
  if (!options.slack_url.empty()) {
    TRY(over_http("slack", options.slack_url, "alert.slack_url", "",
                  [](const Message& m, const std::string&) { return slack_payload(m); }));
  }
  if (!options.webhook_url.empty()) {
    TRY(over_http("webhook", options.webhook_url, "alert.webhook_url", "",
                  [](const Message& m, const std::string&) { return json_of(m); }));
  }
  if (!options.pagerduty_key.empty()) {
    TRY(over_http("pagerduty", options.pagerduty_url, "alert.pagerduty_url", options.pagerduty_key,
                  pagerduty_payload));
  }
  if (!options.email.server.empty()) channels.push_back(TRY(email_channel(options.email, means)));
  if (!options.command.empty()) {
    channels.push_back(std::make_unique<CommandChannel>(options.command));
  }
  if (!options.dead_mans_switch_url.empty()) {
    TRY(url_of(options.dead_mans_switch_url, "alert.dead_mans_switch_url"));
  }
  return channels;
}

Result<void> ping(const std::string& url, const Means& means) {
  return ask({.headers = {{"User-Agent", "walkback"}}},
             TRY(url_of(url, "alert.dead_mans_switch_url")), means);
}

}  // namespace walkback::alert
