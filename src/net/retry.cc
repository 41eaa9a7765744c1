#include "net/retry.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::net {

using std::chrono::nanoseconds;

bool is_transient_status(int status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
         status == 504;
}

Retries::Retries(const RetryPolicy& policy, Clock& clock, Random& random,
                 std::optional<nanoseconds> deadline, std::stop_token stop,
                 TrafficCounters* counters)
    : policy_(policy),
      clock_(clock),
      random_(random),
      deadline_(deadline),
      stop_(std::move(stop)),
      counters_(counters),
      began_(clock.monotonic()) {}

Result<void> Retries::again(Error error, std::optional<nanoseconds> retry_after) {
  if (error.kind != ErrorKind::kTransient) return error;
  ++failures_;
  if (failures_ >= policy_.attempts) return give_up(std::move(error), "giving up");
  nanoseconds delay = next_delay(retry_after);
  if (deadline_ && clock_.monotonic() + delay >= *deadline_) {
    return give_up(std::move(error), "no time is left");
  }
  if (!sleep_unless_stopped(clock_, delay, stop_)) {
    return make_error(ErrorKind::kCancelled, "interrupted");
  }
  if (counters_) counters_->count_retry();
  return success();
}

nanoseconds Retries::next_delay(std::optional<nanoseconds> retry_after) {
  nanoseconds whole = policy_.first_delay;
  for (int i = 1; i < failures_ && whole < policy_.longest_delay; ++i) whole *= 2;
  whole = std::min<nanoseconds>(whole, policy_.longest_delay);
  auto half = static_cast<uint64_t>(whole.count() / 2);
  nanoseconds delay(static_cast<int64_t>(half + random_.next_u64() % (half + 1)));
  if (!retry_after) return delay;
  return std::max(delay, std::min<nanoseconds>(*retry_after, policy_.longest_retry_after));
}

Error Retries::give_up(Error error, std::string_view why) const {
  double seconds = std::chrono::duration<double>(clock_.monotonic() - began_).count();
  error.message += fmt::format(" ({} after {} {} in {:.1f} s)", why, failures_,
                               failures_ == 1 ? "attempt" : "attempts", seconds);
  return std::move(error).with_hint(
      "try again; if it stays so, look at the server and at the network to it");
}

bool sleep_unless_stopped(Clock& clock, nanoseconds duration, const std::stop_token& stop) {
  constexpr nanoseconds kStep = std::chrono::milliseconds(20);
  while (duration > nanoseconds(0)) {
    if (stop.stop_requested()) return false;
    nanoseconds step = stop.stop_possible() ? std::min(duration, kStep) : duration;
    clock.sleep(step);
    duration -= step;
  }
  return !stop.stop_requested();
}

}  // namespace walkback::net
