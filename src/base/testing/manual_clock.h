// A clock that only a test moves.
#pragma once

#include <mutex>

#include "base/clock.h"

namespace walkback {

// Thread-safe. sleep() returns at once and moves the clock by what was asked for.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = {}) : now_(start) {}

  Timestamp now() override {
    std::lock_guard lock(mutex_);
    return now_;
  }
  std::chrono::nanoseconds monotonic() override {
    std::lock_guard lock(mutex_);
    return monotonic_;
  }
  void sleep(std::chrono::nanoseconds duration) override { advance(duration); }

  // Time passes.
  void advance(std::chrono::nanoseconds duration) {
    std::lock_guard lock(mutex_);
    now_ = now_ + std::chrono::duration_cast<std::chrono::microseconds>(duration);
    monotonic_ += duration;
  }
  // Somebody sets the host's clock: wall-clock time jumps, monotonic time does not.
  void jump_to(Timestamp time) {
    std::lock_guard lock(mutex_);
    now_ = time;
  }

 private:
  std::mutex mutex_;
  Timestamp now_;
  std::chrono::nanoseconds monotonic_{0};
};

}  // namespace walkback
