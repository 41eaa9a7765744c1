#include "net/server_clock.h"

#include "net/http_date.h"

namespace walkback::net {

namespace {

class WatchingClient final : public HttpClient {
 public:
  WatchingClient(std::unique_ptr<HttpClient> client, Clock& clock, ServerClock& seen)
      : client_(std::move(client)), clock_(clock), seen_(seen) {}

  Result<Response> perform(const Request& request) override {
    const Timestamp before = clock_.now();
    Result<Response> response = client_->perform(request);
    if (response.ok()) seen_.see(before, *response, clock_.now());
    return response;
  }

 private:
  const std::unique_ptr<HttpClient> client_;
  Clock& clock_;
  ServerClock& seen_;
};

}  // namespace

void ServerClock::see(Timestamp before, const Response& response, Timestamp after) {
  using std::chrono::seconds;
  const auto text = response.header("date");
  const std::optional<Timestamp> date = text ? parse_http_date(*text) : std::nullopt;
  if (!date) return;
  const Timestamp latest = *date + seconds(1);
  seconds ahead{0};
  if (*date > after) ahead = std::chrono::ceil<seconds>(*date - after);
  if (latest < before) ahead = -std::chrono::ceil<seconds>(before - latest);
  std::lock_guard lock(mutex_);
  ahead_ = ahead;
}

std::optional<std::chrono::seconds> ServerClock::ahead() const {
  std::lock_guard lock(mutex_);
  return ahead_;
}

std::unique_ptr<HttpClient> watch_server_clock(std::unique_ptr<HttpClient> client, Clock& clock,
                                               ServerClock& seen) {
  return std::make_unique<WatchingClient>(std::move(client), clock, seen);
}

}  // namespace walkback::net
