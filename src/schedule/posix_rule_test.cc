#include "schedule/posix_rule.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "base/time_text.h"

namespace walkback::schedule {
namespace {

// "2050-03-27T01:00:00Z +7200, …"
std::string rule(std::string_view text, int year) {
  const auto transitions = expand_posix_rule(text, year, year);
  if (!transitions) return "no rule";
  std::string result;
  for (const RuleTransition& transition : *transitions) {
    result += (result.empty() ? "" : ", ") + to_iso_utc({transition.at * 1'000'000}) + " " +
              std::to_string(transition.offset_s);
  }
  return result;
}

TEST(PosixRule, NorthAndSouth) {
  EXPECT_EQ(rule("CET-1CEST,M3.5.0,M10.5.0/3", 2050),
            "2050-03-27T01:00:00Z 7200, 2050-10-30T01:00:00Z 3600");
  EXPECT_EQ(rule("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2050),
            "2050-04-02T15:00:00Z 37800, 2050-10-01T15:30:00Z 39600");
}

TEST(PosixRule, HoursBeyondTheDay) {
  EXPECT_EQ(rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2026),
            "2026-03-29T01:00:00Z -3600, 2026-10-25T01:00:00Z -7200");
  EXPECT_EQ(rule("IST-2IDT,M3.4.4/26,M10.5.0", 2026),
            "2026-03-27T00:00:00Z 10800, 2026-10-24T23:00:00Z 7200");
}

TEST(PosixRule, DaysOfTheYearWithAndWithoutTheLeapDay) {
  EXPECT_EQ(rule("AAA0BBB,J60/0,J365/0", 2028),
            "2028-03-01T00:00:00Z 3600, 2028-12-30T23:00:00Z 0");
  EXPECT_EQ(rule("AAA0BBB,59/0,365/0", 2028), "2028-02-29T00:00:00Z 3600, 2028-12-30T23:00:00Z 0");
}

TEST(PosixRule, AZoneWithoutChangesHasNone) {
  EXPECT_EQ(rule("UTC0", 2050), "");
  EXPECT_EQ(rule("<+0545>-5:45", 2050), "");
}

TEST(PosixRule, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "C", "CET", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x",
        "CET-1CEST,J0,J365", "CET-1CEST,366,3", "<CET-1", "CET-168", "CET-1:60"}) {
    EXPECT_EQ(rule(text, 2050), "no rule") << text;
  }
}

}  // namespace
}  // namespace walkback::schedule
