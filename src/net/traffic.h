// What went over the network, and how fast it may.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "net/http.h"

namespace walkback::net {

// A moment's totals.
struct Traffic {
  std::array<uint64_t, kMethodCount> requests{};  // by Method
  uint64_t bytes_sent = 0;                        // bodies and headers
  uint64_t bytes_received = 0;
  uint64_t retries = 0;  // attempts after the first

  uint64_t all_requests() const;
  // "12 PUT, 3 GET, 4.1 MB sent, 12 kB received, 1 retry"
  std::string text() const;
};

// Thread-safe; shared by everything that talks to one repository.
class TrafficCounters {
 public:
  void count_request(Method method) { ++requests_[static_cast<size_t>(method)]; }
  void count_sent(uint64_t bytes) { sent_ += bytes; }
  void count_received(uint64_t bytes) { received_ += bytes; }
  void count_retry() { ++retries_; }
  Traffic totals() const;

 private:
  std::array<std::atomic<uint64_t>, kMethodCount> requests_{};
  std::atomic<uint64_t> sent_ = 0;
  std::atomic<uint64_t> received_ = 0;
  std::atomic<uint64_t> retries_ = 0;
};

// So much a second on average. What is taken may put the bucket into debt; it is for the taker to
// wait before taking again, so that a piece never has to be cut to fit. Thread-safe.
class TokenBucket {
 public:
  // 0 is no limit. A tenth of a second's worth may go at once.
  TokenBucket(Clock& clock, uint64_t per_second);

  void take(uint64_t amount);
  // How long until the debt is paid; zero means: take.
  std::chrono::nanoseconds delay();

 private:
  void refill();

  Clock& clock_;
  const double per_second_;
  const double burst_;
  std::mutex mutex_;
  double tokens_;
  std::chrono::nanoseconds filled_at_;
};

// Zero is no limit. `bytes_per_s` holds for both directions together.
struct Limits {
  uint64_t bytes_per_s = 0;
  uint64_t upload_bytes_per_s = 0;
  uint64_t download_bytes_per_s = 0;
  uint64_t requests_per_s = 0;
};

// Thread-safe.
class Throttle {
 public:
  Throttle(Clock& clock, const Limits& limits);

  void take_upload(uint64_t bytes);
  void take_download(uint64_t bytes);
  void take_request() { requests_.take(1); }
  std::chrono::nanoseconds upload_delay();
  std::chrono::nanoseconds download_delay();
  std::chrono::nanoseconds request_delay() { return requests_.delay(); }

 private:
  TokenBucket both_;
  TokenBucket upload_;
  TokenBucket download_;
  TokenBucket requests_;
};

}  // namespace walkback::net
