// Asking again: which failures may pass, how long to wait, and when to stop asking.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "net/traffic.h"

namespace walkback::net {

struct RetryPolicy {
  int attempts = 10;  // in all
  std::chrono::milliseconds first_delay{100};
  std::chrono::milliseconds longest_delay{20'000};
  // A server may ask for more patience than ours, but not for any amount.
  std::chrono::milliseconds longest_retry_after{60'000};
};

// 408, 429, 500, 502, 503, 504: the server says, or means, "not now".
bool is_transient_status(int status);

// One operation's attempts. The waits double, each between half and all of its length by chance, so
// that clients which failed together do not come back together. Not thread-safe.
class Retries {
 public:
  // `deadline` is on clock.monotonic(). `counters` may be null; all else outlives this.
  Retries(const RetryPolicy& policy, Clock& clock, Random& random,
          std::optional<std::chrono::nanoseconds> deadline, std::stop_token stop,
          TrafficCounters* counters);

  // After an attempt that failed with `error`: waits, and success means "try again". Otherwise the
  // error to return: `error` itself when its kind is not kTransient; else with how often and how
  // long it was tried, when attempts or time are used up (a wait that would pass the deadline is
  // not begun); kCancelled when stopped while waiting.
  Result<void> again(Error error, std::optional<std::chrono::nanoseconds> retry_after = {});

  int failures() const { return failures_; }

 private:
  std::chrono::nanoseconds next_delay(std::optional<std::chrono::nanoseconds> retry_after);
  Error give_up(Error error, std::string_view why) const;

  const RetryPolicy policy_;
  Clock& clock_;
  Random& random_;
  const std::optional<std::chrono::nanoseconds> deadline_;
  const std::stop_token stop_;
  TrafficCounters* const counters_;
  const std::chrono::nanoseconds began_;
  int failures_ = 0;
};

// Sleeps on `clock`, in steps short enough for a person who pressed Ctrl-C. False when stopped.
bool sleep_unless_stopped(Clock& clock, std::chrono::nanoseconds duration,
                          const std::stop_token& stop);

}  // namespace walkback::net
