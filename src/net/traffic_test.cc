#include "net/traffic.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"

namespace walkback::net {
namespace {

using namespace std::chrono_literals;

// Takes `pieces` of `size` as a polite user does; the time it took.
std::chrono::nanoseconds time_to_take(ManualClock& clock, TokenBucket& bucket, int pieces,
                                      uint64_t size) {
  auto began = clock.monotonic();
  for (int i = 0; i < pieces; ++i) {
    for (auto delay = bucket.delay(); delay > 0ns; delay = bucket.delay()) clock.sleep(delay);
    bucket.take(size);
  }
  return clock.monotonic() - began;
}

TEST(TokenBucket, KeepsTheRateOverTime) {
  ManualClock clock;
  TokenBucket bucket(clock, 1'000'000);
  auto took = time_to_take(clock, bucket, 1'000, 50'000);
  EXPECT_GT(took, 49s);
  EXPECT_LT(took, 50s);
}

TEST(TokenBucket, APieceLargerThanTheBurstIsTakenWholeAndPaidLater) {
  ManualClock clock;
  TokenBucket bucket(clock, 1'000);
  EXPECT_EQ(bucket.delay(), 0ns);
  bucket.take(5'000);
  EXPECT_GT(bucket.delay(), 4'800ms);
  EXPECT_LT(bucket.delay(), 5s);
}

TEST(TokenBucket, SavesUpNoMoreThanATenthOfASecond) {
  ManualClock clock;
  TokenBucket bucket(clock, 1'000);
  clock.advance(1h);
  bucket.take(101);
  EXPECT_GT(bucket.delay(), 0ns);
}

TEST(TokenBucket, WithoutALimitNeverWaits) {
  ManualClock clock;
  TokenBucket bucket(clock, 0);
  bucket.take(uint64_t{1} << 60);
  EXPECT_EQ(bucket.delay(), 0ns);
}

TEST(Throttle, BothDirectionsShareOneLimit) {
  ManualClock clock;
  Throttle throttle(clock, {.bytes_per_s = 1'000});
  throttle.take_upload(1'000);
  EXPECT_GT(throttle.download_delay(), 800ms);
}

TEST(Throttle, EachDirectionHasItsOwn) {
  ManualClock clock;
  Throttle throttle(clock, {.upload_bytes_per_s = 1'000, .download_bytes_per_s = 1'000'000});
  throttle.take_upload(1'000);
  EXPECT_EQ(throttle.download_delay(), 0ns);
  EXPECT_GT(throttle.upload_delay(), 800ms);
}

TEST(Traffic, IsToldInWords) {
  TrafficCounters counters;
  EXPECT_EQ(counters.totals().text(), "no requests, 0 bytes sent, 0 bytes received, 0 retries");
  counters.count_request(Method::kPut);
  counters.count_request(Method::kPut);
  counters.count_request(Method::kGet);
  counters.count_sent(4'123'456);
  counters.count_received(999'960);
  counters.count_retry();
  EXPECT_EQ(counters.totals().text(), "1 GET, 2 PUT, 4.1 MB sent, 1.0 MB received, 1 retry");
  EXPECT_EQ(counters.totals().all_requests(), 3);
}

}  // namespace
}  // namespace walkback::net
