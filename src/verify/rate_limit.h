// No more bytes a second than was asked for, so that a verify at noon is not felt.
#pragma once

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stop_token>

#include "base/clock.h"
#include "base/result.h"

namespace walkback::verify {

// Thread-safe: what all threads take together is limited.
class RateLimit {
 public:
  // 0: no limit.
  RateLimit(Clock& clock, uint64_t bytes_per_s, std::stop_token stop)
      : clock_(clock), bytes_per_s_(bytes_per_s), stop_(std::move(stop)) {}

  // Returns when the bytes may be read; kCancelled when asked to stop, also without a limit.
  Result<void> take(uint64_t bytes) {
    const std::chrono::nanoseconds begin = reserve(bytes);
    while (!stop_.stop_requested()) {
      const std::chrono::nanoseconds wait = begin - clock_.monotonic();
      if (wait <= std::chrono::nanoseconds{0}) return success();
      // In short sleeps: somebody may press Ctrl-C.
      clock_.sleep(std::min<std::chrono::nanoseconds>(wait, std::chrono::milliseconds(200)));
    }
    return make_error(ErrorKind::kCancelled, "interrupted",
                      "the next `walkback verify` goes on where this one was");
  }

 private:
  // When these bytes' turn begins: behind those of all who asked before.
  std::chrono::nanoseconds reserve(uint64_t bytes) {
    if (bytes_per_s_ == 0) return std::chrono::nanoseconds(0);
    std::lock_guard lock(mutex_);
    const std::chrono::nanoseconds begin = std::max(next_, clock_.monotonic());
    const double seconds = static_cast<double>(bytes) / static_cast<double>(bytes_per_s_);
    next_ = begin + std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
    return begin;
  }

  Clock& clock_;
  const uint64_t bytes_per_s_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::chrono::nanoseconds next_{0};
};

}  // namespace walkback::verify
