#include "base/clock.h"

#include <thread>

namespace walkback {
namespace {

class SystemClock final : public Clock {
 public:
  Timestamp now() override {
    auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count()};
  }
  std::chrono::nanoseconds monotonic() override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
  void sleep(std::chrono::nanoseconds duration) override { std::this_thread::sleep_for(duration); }
};

}  // namespace

Clock& system_clock() {
  // Never destroyed: threads may still ask while the program ends.
  static auto& clock = *new SystemClock;
  return clock;
}

}  // namespace walkback
