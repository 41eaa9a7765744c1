#include "restore/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>

#include "base/time_text.h"

namespace walkback::restore {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A user at a host in some zone, at 2026-11-22 15:55:00 UTC.
class TargetTime : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* zone = getenv("TZ");
    if (zone != nullptr) zone_before_ = zone;
  }
  void TearDown() override {
    if (zone_before_) {
      setenv("TZ", zone_before_->c_str(), 1);
    } else {
      unsetenv("TZ");
    }
  }

  void host_is_in(const char* zone) { setenv("TZ", zone, 1); }
  void now_is(std::string_view iso) { now_ = parse_iso_utc(iso).value(); }

  // In UTC; or what is wrong, and the hint.
  std::string read(std::string_view text) {
    Result<Timestamp> time = parse_target_time(text, now_);
    if (time.ok()) return to_iso_utc(*time);
    EXPECT_EQ(time.error().kind, ErrorKind::kInvalid);
    return time.error().message + " | " + time.error().hint;
  }

  std::optional<std::string> zone_before_;
  Timestamp now_ = parse_iso_utc("2026-11-22T15:55:00Z").value();
};

TEST_F(TargetTime, IsoWithAZoneMeansTheSameEverywhere) {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/New_York"}) {
    host_is_in(zone);
    EXPECT_EQ(read("2026-11-22T15:46:59.5Z"), "2026-11-22T15:46:59.500000Z");
    EXPECT_EQ(read("2026-11-22T15:46:59+02:00"), "2026-11-22T13:46:59Z");
    EXPECT_EQ(read("2026-11-22 15:46:59 +02"), "2026-11-22T13:46:59Z");
    EXPECT_EQ(read("2026-11-22 15:46-0530"), "2026-11-22T21:16:00Z");
    EXPECT_EQ(read("2026-11-22 15:46:59.123456 UTC"), "2026-11-22T15:46:59.123456Z");
    EXPECT_EQ(read("  2026-11-22 15:46 utc "), "2026-11-22T15:46:00Z");
    EXPECT_EQ(read("15:46Z"), "2026-11-22T15:46:00Z");
  }
}

TEST_F(TargetTime, WithoutAZoneItIsTheHosts) {
  host_is_in("UTC");
  EXPECT_EQ(read("2026-11-22 15:46"), "2026-11-22T15:46:00Z");
  host_is_in("Europe/Berlin");
  EXPECT_EQ(read("2026-11-22 15:46:59.25"), "2026-11-22T14:46:59.250000Z");
  EXPECT_EQ(read("2026-07-01T15:46:59"), "2026-07-01T13:46:59Z");
  host_is_in("America/New_York");
  EXPECT_EQ(read("2026-11-22 15:46"), "2026-11-22T20:46:00Z");
  EXPECT_EQ(read("2026-07-01 15:46"), "2026-07-01T19:46:00Z");
}

TEST_F(TargetTime, AClockTimeIsOfTodayInTheZoneItIsReadIn) {
  host_is_in("Europe/Berlin");
  EXPECT_EQ(read("15:46"), "2026-11-22T14:46:00Z");
  EXPECT_EQ(read("15:46:59.5"), "2026-11-22T14:46:59.500000Z");
  now_is("2026-11-22T23:30:00Z");  // already the 23rd in Berlin
  EXPECT_EQ(read("00:10"), "2026-11-22T23:10:00Z");
  EXPECT_EQ(read("00:10Z"), "2026-11-22T00:10:00Z");
  host_is_in("America/New_York");
  now_is("2026-11-23T02:00:00Z");  // still the 22nd in New York
  EXPECT_EQ(read("20:30"), "2026-11-23T01:30:00Z");
}

TEST_F(TargetTime, ADistanceIsCountedBackFromNow) {
  EXPECT_EQ(read("10 minutes ago"), "2026-11-22T15:45:00Z");
  EXPECT_EQ(read("10min ago"), "2026-11-22T15:45:00Z");
  EXPECT_EQ(read("1 second ago"), "2026-11-22T15:54:59Z");
  EXPECT_EQ(read("2 Hours Ago"), "2026-11-22T13:55:00Z");
  EXPECT_EQ(read("3 days ago"), "2026-11-19T15:55:00Z");
}

TEST_F(TargetTime, TheHostsOwnAbbreviationIsReadBack) {
  host_is_in("Europe/Berlin");
  EXPECT_EQ(read("2026-11-22 15:46:59.5 CET"), "2026-11-22T14:46:59.500000Z");
  EXPECT_EQ(read("2026-10-25 02:30 CEST"), "2026-10-25T00:30:00Z");
  EXPECT_EQ(read("2026-10-25 02:30 CET"), "2026-10-25T01:30:00Z");
  EXPECT_THAT(read("2026-11-22 15:46 CST"),
              AllOf(HasSubstr("'CST'"), HasSubstr("offset from UTC")));
  EXPECT_THAT(read("2026-11-22 15:46 CEST"), HasSubstr("not this host's at that time"));
}

TEST_F(TargetTime, AnHourThatIsThereTwiceIsRefusedWithBothReadings) {
  host_is_in("Europe/Berlin");
  EXPECT_THAT(read("2026-10-25 02:30"),
              AllOf(HasSubstr("twice"),
                    HasSubstr("'2026-10-25 02:30:00+02:00' (which is 2026-10-25 "
                              "02:30:00 CEST (2026-10-25 00:30:00 UTC))"),
                    HasSubstr("'2026-10-25 02:30:00+01:00' (which is 2026-10-25 02:30:00 CET "
                              "(2026-10-25 01:30:00 UTC))")));
  EXPECT_EQ(read("2026-10-25 01:59:59"), "2026-10-24T23:59:59Z");
  EXPECT_EQ(read("2026-10-25 03:00:00"), "2026-10-25T02:00:00Z");
  EXPECT_EQ(read("2026-10-25 02:30:00+01:00"), "2026-10-25T01:30:00Z")
      << "what the hint says works";
  host_is_in("America/New_York");
  EXPECT_THAT(read("2026-11-01 01:30"), AllOf(HasSubstr("-04:00"), HasSubstr("-05:00")));
  now_is("2026-11-01T12:00:00Z");
  EXPECT_THAT(read("01:30"), HasSubstr("twice")) << "a clock time of today too";
}

TEST_F(TargetTime, AnHourThatIsSkippedIsRefusedWithBothReadings) {
  host_is_in("Europe/Berlin");
  EXPECT_THAT(read("2026-03-29 02:30"), AllOf(HasSubstr("never was"), HasSubstr("+02:00"),
                                              HasSubstr("2026-03-29 03:30:00 CEST")));
  EXPECT_EQ(read("2026-03-29 01:59:59"), "2026-03-29T00:59:59Z");
  EXPECT_EQ(read("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
  host_is_in("America/New_York");
  EXPECT_THAT(read("2026-03-08 02:00"), HasSubstr("never was"));
}

TEST_F(TargetTime, FinerThanMicrosecondsIsCutOff) {
  EXPECT_EQ(read("2026-11-22T15:46:59.123456999Z"), "2026-11-22T15:46:59.123456Z");
  EXPECT_EQ(read("2026-11-22T15:46:59,5Z"), "2026-11-22T15:46:59.500000Z");
}

TEST_F(TargetTime, AWrongTimeSaysWhichFormsAreRead) {
  for (const char* text : {"",
                           "yesterdayish",
                           "2026-11-22",
                           "2026-02-30 10:00",
                           "2026-11-22 25:00",
                           "2026-11-22 10:60",
                           "2026-11-22 10:00:60",
                           "10 parsecs ago",
                           "ago",
                           "minutes ago",
                           "9999999999 days ago",
                           "999999999 days ago",
                           "2026-11-22 15:46:59.",
                           "2026-11-22 15:46 +2",
                           "2026-11-22 15:46+99:00",
                           "2026-11-22 15:46:",
                           "26-11-22 15:46",
                           "2026/11/22 15:46",
                           "15:4",
                           "1969-12-31 15:46",
                           "2026-11-22 15:46 +02:00 x",
                           "2026-11-22 15:46 !",
                           "-5 minutes ago"}) {
    EXPECT_THAT(read(text), AllOf(HasSubstr("is not a time"), HasSubstr("10 minutes ago")));
  }
}

TEST_F(TargetTime, WhatPeopleWriteOtherwiseIsSaidInAFormThatIsRead) {
  host_is_in("Europe/Berlin");
  now_is("2026-11-22T23:30:00Z");  // already the 23rd in Berlin
  EXPECT_THAT(read("3:47pm"), HasSubstr("counted to 24 | write '15:47'"));
  EXPECT_THAT(read("3:47:12 PM"), HasSubstr("write '15:47:12'"));
  EXPECT_THAT(read("12am"), HasSubstr("write '00:00'"));
  EXPECT_THAT(read("12:30 p.m."), HasSubstr("write '12:30'"));
  EXPECT_THAT(read("2026-11-22 3:47 pm"), HasSubstr("write '2026-11-22 15:47'"));
  EXPECT_THAT(read("15:47pm"), HasSubstr("write '15:47'"));
  EXPECT_THAT(read("now"), HasSubstr("--latest"));
  EXPECT_THAT(read("yesterday 15:46"), HasSubstr("write '2026-11-22 15:46'"));
  EXPECT_THAT(read("Today 15:46"), HasSubstr("write '2026-11-23 15:46'"));
  EXPECT_THAT(read("yesterday"), HasSubstr("write '2026-11-22 15:46'"));
  EXPECT_THAT(read("8 minutes"), HasSubstr("write '8 minutes ago'"));
  EXPECT_THAT(read("3:47"), HasSubstr("two digits | write '03:47'"));
  EXPECT_THAT(read("2026-11-22 15:46 Europe/Lisbon"),
              AllOf(HasSubstr("'Europe/Lisbon' is a name of a zone"), HasSubstr("offset from UTC"),
                    HasSubstr("TZ=Europe/Lisbon")));
}

TEST_F(TargetTime, InAZoneThatTheSystemDoesNotKnowNoTimeIsTheHosts) {
  host_is_in("Europe/Berln");
  EXPECT_THAT(read("2026-11-22 15:46"), AllOf(HasSubstr("none that is known here: Europe/Berln"),
                                              HasSubstr("offset from UTC")));
  EXPECT_EQ(read("2026-11-22 15:46+01"), "2026-11-22T14:46:00Z");
  EXPECT_EQ(read("10 minutes ago"), "2026-11-22T15:45:00Z");
}

TEST_F(TargetTime, AZoneThatTheSystemDoesNotKnowIsNotShownAsOne) {
  Timestamp time = parse_iso_utc("2026-11-22T14:46:59Z").value();
  host_is_in("Europe/Berln");
  EXPECT_EQ(show_time(time), "2026-11-22 14:46:59 UTC");
}

TEST_F(TargetTime, IsShownWithItsZoneAndInUtc) {
  Timestamp time = parse_iso_utc("2026-11-22T14:46:59.5Z").value();
  host_is_in("Europe/Berlin");
  EXPECT_EQ(show_time(time), "2026-11-22 15:46:59.5 CET (2026-11-22 14:46:59.5 UTC)");
  host_is_in("UTC");
  EXPECT_EQ(show_time(time), "2026-11-22 14:46:59.5 UTC");
  host_is_in("America/New_York");
  EXPECT_EQ(show_time(time), "2026-11-22 09:46:59.5 EST (2026-11-22 14:46:59.5 UTC)");
  host_is_in("America/Sao_Paulo");
  EXPECT_EQ(show_time(time), "2026-11-22 11:46:59.5 -03 (2026-11-22 14:46:59.5 UTC)");
  EXPECT_EQ(read("2026-11-22 11:46:59.5 -03"), "2026-11-22T14:46:59.500000Z") << "and read back";
}

TEST(WindowTime, IsAlsoNowAndADateAlone) {
  const Timestamp now{1'795'363'200'000'000};
  EXPECT_EQ(parse_window_time(" NOW ", now).value(), now);
  EXPECT_EQ(parse_window_time("2026-11-20", now).value(),
            parse_target_time("2026-11-20 00:00", now).value());
  EXPECT_EQ(parse_window_time("2 weeks ago", now).value(),
            parse_target_time("14 days ago", now).value());
  EXPECT_FALSE(parse_target_time("2026-11-20", now).ok()) << "a target is a moment";
  EXPECT_FALSE(parse_window_time("2026-11-31", now).ok());
}

}  // namespace
}  // namespace walkback::restore
