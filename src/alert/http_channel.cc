#include "alert/http_channel.h"

#include <fmt/format.h>

#include "alert/patience.h"
#include "net/http_date.h"
#include "net/retry.h"

namespace walkback::alert {

namespace {

using std::chrono::milliseconds;

constexpr net::Timeouts kTimeouts{milliseconds(5'000), milliseconds(10'000), milliseconds(10'000)};
constexpr uint64_t kLargestAnswer = 64 << 10;
constexpr int kNotImplemented = 501;

bool is_success(int status) { return status >= 200 && status < 300; }
bool is_redirect(int status) { return status >= 300 && status < 400; }

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

std::string origin_of(const net::Url& url) { return url.scheme + "://" + url.authority; }

Error unexpected_answer(const net::Response& response, const net::Url& url) {
  const int status = response.status;
  const std::string where = origin_of(url);
  if (is_redirect(status)) {
    const auto location = net::parse_url(response.header("location").value_or(""));
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} redirects to {}, which is not followed", where,
                                  location.ok() ? location->authority : "another place"),
                      "write the address that it redirects to, if that is right");
  }
  const bool may_pass = net::is_transient_status(status);
  return make_error(may_pass ? ErrorKind::kTransient : ErrorKind::kInvalid,
                    fmt::format("{} answers {}", where, status),
                    may_pass ? "" : "is its address or key still right?");
}

// One question; an error shows no secret.
Result<net::Response> ask(net::Request request, const net::Url& url,
                          std::chrono::nanoseconds deadline, const Means& means) {
  request.url = url.text();
  request.headers.push_back({"User-Agent", "walkback"});
  request.timeouts = kTimeouts;
  request.response_limit = kLargestAnswer;
  request.deadline = deadline;
  Result<net::Response> response = means.http.perform(request);
  if (response.ok()) return response;
  Error error = std::move(response).error();
  error.message = without_secret(std::move(error.message), url);
  return error;
}

Result<void> insist(const net::Request& request, const net::Url& url, const Means& means) {
  const auto deadline = means.clock.monotonic() + kLongest;
  net::Retries retries(kRetries, means.clock, means.random, deadline, {}, nullptr);
  for (;;) {
    const Result<net::Response> response = ask(request, url, deadline, means);
    if (!response.ok()) {
      TRY(retries.again(response.error()));
      continue;
    }
    if (is_success(response->status)) return success();
    std::optional<std::chrono::nanoseconds> wait;
    if (const auto header = response->header("retry-after")) {
      wait = net::parse_retry_after(*header, means.clock.now());
    }
    TRY(retries.again(unexpected_answer(*response, url), wait));
  }
}

net::Request posting(const std::string& json) {
  net::Request request;
  request.method = net::Method::kPost;
  request.headers = {{"Content-Type", "application/json; charset=utf-8"}};
  request.body = {as_bytes(json)};
  return request;
}

net::Request asking_for_the_head() {
  net::Request request;
  request.method = net::Method::kHead;
  return request;
}

Result<net::Response> ask_once(const net::Request& request, const net::Url& url,
                               const Means& means) {
  return ask(request, url, means.clock.monotonic() + kProbeTime, means);
}

class HttpChannel final : public Channel {
 public:
  HttpChannel(HttpChannelOptions options, const Means& means)
      : options_(std::move(options)), means_(means) {}

  std::string name() const override { return options_.name; }

  Result<void> send(const Message& message) override {
    const std::string json = options_.payload(message, options_.key);
    return insist(posting(json), options_.url, means_);
  }

  Result<std::string> probe() override {
    return options_.harmless == nullptr ? probe_head() : probe_harmless();
  }

 private:
  Result<std::string> probe_harmless() {
    const std::string json = options_.harmless(options_.key);
    const net::Response response = TRY(ask_once(posting(json), options_.url, means_));
    if (!is_success(response.status) && response.status != options_.harmless_status) {
      return unexpected_answer(response, options_.url);
    }
    return origin_of(options_.url) + " takes messages; none was sent";
  }

  // What takes a POST alone may refuse this in many ways, and none says that it is not there.
  Result<std::string> probe_head() {
    const net::Response response = TRY(ask_once(asking_for_the_head(), options_.url, means_));
    const bool is_fault = response.status >= 500 && response.status != kNotImplemented;
    if (is_redirect(response.status) || is_fault) return unexpected_answer(response, options_.url);
    return origin_of(options_.url) + " answers; no message was sent";
  }

  const HttpChannelOptions options_;
  const Means means_;
};

}  // namespace

std::unique_ptr<Channel> make_http_channel(HttpChannelOptions options, const Means& means) {
  return std::make_unique<HttpChannel>(std::move(options), means);
}

Result<void> get(const net::Url& url, const Means& means) { return insist({}, url, means); }

Result<std::string> probe_server(const net::Url& url, const Means& means) {
  net::Url root = url;
  root.path = "/";
  root.query.clear();
  TRY(ask_once(asking_for_the_head(), root, means));
  return origin_of(url) + " answers; it was not pinged";
}

}  // namespace walkback::alert
