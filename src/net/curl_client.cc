#include "net/curl_client.h"

#include <mutex>
#include <vector>

#include "net/transfer.h"

namespace walkback::net {
namespace {

// More idle connections than this are closed: servers close them soon anyway.
constexpr size_t kMaxIdle = 64;

class CurlClient final : public HttpClient {
 public:
  CurlClient(CurlOptions options, Clock& clock, TrafficCounters& counters)
      : options_(std::move(options)),
        clock_(clock),
        counters_(counters),
        throttle_(clock, options_.limits) {}

  Result<Response> perform(const Request& request) override {
    std::unique_ptr<Lane> lane = TRY(take_lane());
    Result<Response> response =
        run_transfer(*lane, request, {options_, clock_, throttle_, counters_});
    give_back(std::move(lane));
    return response;
  }

 private:
  // The one used last: its connection is the least likely to have been closed meanwhile.
  Result<std::unique_ptr<Lane>> take_lane() {
    const Libcurl* curl = TRY(load_libcurl());
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Lane> lane = std::move(idle_.back());
        idle_.pop_back();
        return lane;
      }
    }
    return Lane::open(*curl);
  }

  void give_back(std::unique_ptr<Lane> lane) {
    std::lock_guard lock(mutex_);
    if (idle_.size() < kMaxIdle) idle_.push_back(std::move(lane));
  }

  const CurlOptions options_;
  Clock& clock_;
  TrafficCounters& counters_;
  Throttle throttle_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Lane>> idle_;
};

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(CurlOptions options, Clock& clock,
                                             TrafficCounters& counters) {
  return std::make_unique<CurlClient>(std::move(options), clock, counters);
}

}  // namespace walkback::net
