#include "schedule/cron_expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace walkback::schedule {
namespace {

using testing::HasSubstr;

CronExpression parsed(std::string_view text) { return CronExpression::parse(text).value(); }

std::string refusal(std::string_view text) {
  const auto result = CronExpression::parse(text);
  return result.ok() ? "accepted" : result.error().message;
}

// 2026-11-26 is a Thursday.
constexpr CalendarDay kThursday26{11, 26, 4};
constexpr CalendarDay kFriday27{11, 27, 5};
constexpr CalendarDay kSunday29{11, 29, 0};

TEST(CronExpression, ListsRangesAndStepsAddUp) {
  const CronExpression e = parsed("0,20-30/5,59 1-3,22 * * *");
  for (unsigned minute : {0U, 20U, 25U, 30U, 59U}) EXPECT_TRUE(e.matches_minute_of_day(2, minute));
  for (unsigned minute : {1U, 21U, 31U, 58U}) EXPECT_FALSE(e.matches_minute_of_day(2, minute));
  EXPECT_TRUE(e.matches_minute_of_day(22, 0));
  EXPECT_FALSE(e.matches_minute_of_day(4, 0));
}

TEST(CronExpression, NamesInAnyCaseAlsoInRanges) {
  const CronExpression e = parsed("0 0 * Nov THU-fri");
  EXPECT_TRUE(e.matches_day(kThursday26));
  EXPECT_TRUE(e.matches_day(kFriday27));
  EXPECT_FALSE(e.matches_day(kSunday29));
  EXPECT_FALSE(e.matches_day({10, 1, 4}));
}

TEST(CronExpression, SundayIsNoughtAndSevenAndEndsAWeekend) {
  for (const char* text : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * 6-7",
                           "0 0 * * sat-sun", "0 0 * * 5-7/2"}) {
    EXPECT_TRUE(parsed(text).matches_day(kSunday29)) << text;
    EXPECT_FALSE(parsed(text).matches_day(kThursday26)) << text;
  }
}

TEST(CronExpression, OneOfTwoRestrictedDayFieldsIsEnough) {
  const CronExpression e = parsed("0 0 26 * 5");
  EXPECT_TRUE(e.matches_day(kThursday26));
  EXPECT_TRUE(e.matches_day(kFriday27));
  EXPECT_FALSE(e.matches_day(kSunday29));
}

TEST(CronExpression, ADayFieldThatBeginsWithAStarRestrictsTheOther) {
  EXPECT_FALSE(parsed("0 0 */2 * 4").matches_day(kThursday26));  // 1, 3, … 27
  EXPECT_TRUE(parsed("0 0 */5 * 4").matches_day(kThursday26));   // 1, 6, … 26
  EXPECT_FALSE(parsed("0 0 */5 * 5").matches_day(kThursday26));
}

TEST(CronExpression, Nicknames) {
  EXPECT_TRUE(parsed("@hourly").every_hour());
  EXPECT_FALSE(parsed("@daily").every_hour());
  EXPECT_TRUE(parsed(" @Weekly ").matches_day(kSunday29));
  EXPECT_FALSE(parsed("@weekly").matches_day(kFriday27));
  EXPECT_TRUE(parsed("@yearly").matches_day({1, 1, 3}));
  EXPECT_FALSE(parsed("@annually").matches_day({2, 1, 3}));
  EXPECT_THAT(refusal("@reboot"), HasSubstr("no time"));
  EXPECT_THAT(refusal("@fortnightly"), HasSubstr("none of cron's names"));
}

TEST(CronExpression, WhatIsWrongIsNamed) {
  EXPECT_THAT(refusal(""), HasSubstr("has 0 fields"));
  EXPECT_THAT(refusal("0 0 * *"), HasSubstr("has 4 fields"));
  EXPECT_THAT(refusal("0 0 0 * * *"), HasSubstr("has 6 fields"));
  EXPECT_THAT(refusal("60 0 * * *"), HasSubstr("the minute \"60\" has \"60\" where 0 to 59"));
  EXPECT_THAT(refusal("0 24 * * *"), HasSubstr("the hour"));
  EXPECT_THAT(refusal("0 0 0 * *"), HasSubstr("the day of the month"));
  EXPECT_THAT(refusal("0 0 * 13 *"), HasSubstr("the month"));
  EXPECT_THAT(refusal("0 0 * * 8"), HasSubstr("the day of the week"));
  EXPECT_THAT(refusal("0 0 * mon *"), HasSubstr("the month \"mon\""));
  EXPECT_THAT(refusal("30-10 * * * *"), HasSubstr("ends before it begins"));
  EXPECT_THAT(refusal("*/0 * * * *"), HasSubstr("no positive number"));
  EXPECT_THAT(refusal("1/2/3 * * * *"), HasSubstr("no positive number"));
  EXPECT_THAT(refusal("*/ * * * *"), HasSubstr("no positive number"));
  EXPECT_THAT(refusal("5/15 * * * *"), HasSubstr("after a single value"));
  EXPECT_THAT(refusal("*/90 * * * *"), HasSubstr("it would mean 0 only"));
  for (const char* text :
       {"0 0 L * *", "0 0 ? * *", "0 0 1,,2 * *", "0 0 1, * *", "0 0 -1 * *", "0 0 1- * *",
        "+1 0 * * *", "0 0 * * mon#1", "99999999999 0 * * *", "1-2-3 * * * *", "** * * * *"}) {
    EXPECT_THAT(refusal(text), HasSubstr("where")) << text;
  }
}

TEST(CronExpression, WhatNeverComesIsRefusedWithTheReason) {
  EXPECT_THAT(refusal("0 0 31 2 *"), HasSubstr("never comes: no month 2 has a day 31"));
  EXPECT_THAT(refusal("0 0 30-31 feb *"), HasSubstr("never comes"));
  EXPECT_THAT(refusal("0 0 31 4,6,9,11 *"), HasSubstr("never comes"));
  // The weekday alone is enough, and February has Mondays.
  EXPECT_EQ(refusal("0 0 31 2 1"), "accepted");
  EXPECT_EQ(refusal("0 0 29 2 *"), "accepted");
  EXPECT_EQ(refusal("0 0 29 2 */6"), "accepted");  // a 29 February on a Saturday or Sunday
}

}  // namespace
}  // namespace walkback::schedule
