#include "net/server_clock.h"

#include <gtest/gtest.h>

namespace walkback::net {
namespace {

using std::chrono::seconds;

constexpr Timestamp kNoon{784'123'200'000'000};  // Sun, 06 Nov 1994 12:00:00 GMT

std::optional<seconds> ahead(std::string date, Timestamp before, Timestamp after) {
  ServerClock clock;
  Response response;
  if (!date.empty()) response.headers = {{"date", std::move(date)}};
  clock.see(before, response, after);
  return clock.ahead();
}

TEST(ServerClock, WhatADateMayMeanIsNoDifference) {
  const std::string noon = "Sun, 06 Nov 1994 12:00:00 GMT";
  EXPECT_EQ(ahead(noon, kNoon, kNoon), seconds(0));
  // The date is cut off, and the answer took a while.
  EXPECT_EQ(ahead(noon, kNoon + seconds(1), kNoon + seconds(1)), seconds(0));
  EXPECT_EQ(ahead(noon, kNoon + seconds(-30), kNoon + seconds(30)), seconds(0));
}

TEST(ServerClock, BeyondThatItIsAheadOrBehind) {
  const std::string noon = "Sun, 06 Nov 1994 12:00:00 GMT";
  EXPECT_EQ(ahead(noon, kNoon + seconds(-90), kNoon + seconds(-60)), seconds(60));
  EXPECT_EQ(ahead(noon, kNoon + seconds(61), kNoon + seconds(90)), seconds(-60));
}

TEST(ServerClock, WithoutADateNothingIsKnown) {
  EXPECT_EQ(ahead("", kNoon, kNoon), std::nullopt);
  EXPECT_EQ(ahead("yesterday", kNoon, kNoon), std::nullopt);
}

}  // namespace
}  // namespace walkback::net
