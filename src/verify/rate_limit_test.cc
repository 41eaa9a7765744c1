#include "verify/rate_limit.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"

namespace walkback::verify {
namespace {

TEST(RateLimit, BytesTakeTheTimeThatTheRateGives) {
  ManualClock clock;
  RateLimit limit(clock, 1000, {});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(limit.take(500).ok());
  // The last half second is owed by whoever comes next.
  EXPECT_EQ(clock.monotonic(), std::chrono::milliseconds(4500));
}

TEST(RateLimit, ARestGivesNoRightToABurst) {
  ManualClock clock;
  RateLimit limit(clock, 1000, {});
  ASSERT_TRUE(limit.take(1000).ok());
  clock.advance(std::chrono::hours(1));
  const auto before = clock.monotonic();
  ASSERT_TRUE(limit.take(1000).ok());
  ASSERT_TRUE(limit.take(1000).ok());
  EXPECT_EQ(clock.monotonic() - before, std::chrono::seconds(1));
}

TEST(RateLimit, WithoutOneNothingWaits) {
  ManualClock clock;
  RateLimit limit(clock, 0, {});
  ASSERT_TRUE(limit.take(uint64_t{1} << 40).ok());
  EXPECT_EQ(clock.monotonic(), std::chrono::nanoseconds(0));
}

TEST(RateLimit, WhoeverIsAskedToStopWaitsNoLonger) {
  ManualClock clock;
  std::stop_source stop;
  RateLimit limit(clock, 1, stop.get_token());
  ASSERT_TRUE(limit.take(1000).ok());
  stop.request_stop();
  EXPECT_EQ(limit.take(1).error().kind, ErrorKind::kCancelled);
  EXPECT_EQ(clock.monotonic(), std::chrono::nanoseconds(0));
}

}  // namespace
}  // namespace walkback::verify
