// Time as a parameter, so that tests and simulations can set it.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace walkback {

// Microseconds since 1970-01-01 00:00:00 UTC: PostgreSQL's resolution, our epoch.
struct Timestamp {
  int64_t unix_us = 0;
  auto operator<=>(const Timestamp&) const = default;
};

inline Timestamp operator+(Timestamp t, std::chrono::microseconds d) {
  return {t.unix_us + d.count()};
}
inline std::chrono::microseconds operator-(Timestamp a, Timestamp b) {
  return std::chrono::microseconds(a.unix_us - b.unix_us);
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall-clock time; may jump.
  virtual Timestamp now() = 0;
  // Never goes back; only differences mean something.
  virtual std::chrono::nanoseconds monotonic() = 0;
  virtual void sleep(std::chrono::nanoseconds duration) = 0;
};

// The host's clock. Lives for the whole program.
Clock& system_clock();

}  // namespace walkback
