#include "net/retry.h"

#include <gtest/gtest.h>

#include <set>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"

namespace walkback::net {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

Error broken() { return make_error(ErrorKind::kTransient, "the connection broke"); }

struct RetriesTest : ::testing::Test {
  Retries make(RetryPolicy policy = {}, std::optional<nanoseconds> deadline = {},
               std::stop_token stop = {}) {
    return Retries(policy, clock, random, deadline, std::move(stop), &counters);
  }
  // How long one failure makes us wait.
  nanoseconds wait_of(Retries& retries, std::optional<nanoseconds> retry_after = {}) {
    nanoseconds began = clock.monotonic();
    EXPECT_TRUE(retries.again(broken(), retry_after).ok());
    return clock.monotonic() - began;
  }

  ManualClock clock;
  SeededRandom random{1};
  TrafficCounters counters;
};

TEST_F(RetriesTest, WaitsDoubleUpToALongestOneAndVary) {
  Retries retries = make({.attempts = 20, .first_delay = 100ms, .longest_delay = 1s});
  std::vector<nanoseconds> longest{100ms, 200ms, 400ms, 800ms, 1s, 1s, 1s};
  std::set<nanoseconds> seen;
  for (nanoseconds limit : longest) {
    nanoseconds waited = wait_of(retries);
    EXPECT_GE(waited, limit / 2);
    EXPECT_LE(waited, limit);
    seen.insert(waited);
  }
  EXPECT_EQ(seen.size(), longest.size());
  EXPECT_EQ(counters.totals().retries, longest.size());
}

TEST_F(RetriesTest, TheLastAttemptsErrorSaysHowOftenItWasTried) {
  Retries retries = make({.attempts = 3, .first_delay = 1s});
  EXPECT_TRUE(retries.again(broken()).ok());
  EXPECT_TRUE(retries.again(broken()).ok());
  Result<void> third = retries.again(broken());
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().kind, ErrorKind::kTransient);
  EXPECT_TRUE(
      third.error().message.starts_with("the connection broke (giving up after 3 attempts in "))
      << third.error().message;
}

TEST_F(RetriesTest, OnlyWhatMayPassIsTriedAgain) {
  Retries retries = make();
  Result<void> denied = retries.again(make_error(ErrorKind::kDenied, "no"));
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.error().message, "no");
  EXPECT_EQ(clock.monotonic(), 0ns);
}

TEST_F(RetriesTest, AWaitPastTheDeadlineIsNotBegun) {
  Retries retries = make({.first_delay = 10s}, 3s);
  Result<void> first = retries.again(broken());
  ASSERT_FALSE(first.ok());
  EXPECT_NE(first.error().message.find("no time is left after 1 attempt"), std::string::npos);
  EXPECT_EQ(clock.monotonic(), 0ns);
}

TEST_F(RetriesTest, TheServersWishIsHonouredUpToABound) {
  Retries retries = make({.first_delay = 100ms, .longest_retry_after = 30s});
  EXPECT_EQ(wait_of(retries, 7s), 7s);
  EXPECT_EQ(wait_of(retries, 10h), 30s);
  EXPECT_GE(wait_of(retries, 0s), 200ms);
}

TEST_F(RetriesTest, AnInterruptEndsTheWait) {
  std::stop_source stop;
  stop.request_stop();
  Retries retries = make({}, {}, stop.get_token());
  Result<void> waited = retries.again(broken());
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().kind, ErrorKind::kCancelled);
}

TEST(TransientStatus, IsBusyOrBroken) {
  for (int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_transient_status(status));
  for (int status : {200, 206, 301, 400, 403, 404, 409, 412, 416, 501}) {
    EXPECT_FALSE(is_transient_status(status)) << status;
  }
}

}  // namespace
}  // namespace walkback::net
