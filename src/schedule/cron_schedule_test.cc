#include "schedule/cron_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <vector>

#include "base/file_system.h"
#include "base/time_text.h"

namespace walkback::schedule {
namespace {

CronSchedule schedule(std::string_view expression, std::string_view zone) {
  return {CronExpression::parse(expression).value(), Zone::find(system_files(), zone).value()};
}

Timestamp at(std::string_view text) { return parse_iso_utc(text).value(); }

std::vector<std::string> runs(const CronSchedule& schedule, std::string_view from,
                              std::string_view until) {
  std::vector<std::string> found;
  for (auto run = schedule.next_after(at(from)); run && *run <= at(until);
       run = schedule.next_after(*run)) {
    found.push_back(to_iso_utc(*run));
  }
  return found;
}

using List = std::vector<std::string>;

TEST(CronSchedule, ARunInASkippedHourRunsOnceAfterIt) {
  // Berlin: 02:00 is 03:00 on 29 March 2026, which is 01:00 UTC.
  EXPECT_EQ(runs(schedule("*/20 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z",
                 "2026-03-30T00:05:00Z"),
            (List{"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}));
  // Together with the run that is due at that moment, it is one.
  EXPECT_EQ(runs(schedule("0 2-3 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z",
                 "2026-03-29T12:00:00Z"),
            (List{"2026-03-29T01:00:00Z"}));
}

TEST(CronSchedule, ARepeatedHourRunsOnce) {
  // New York: 02:00 is 01:00 again on 1 November 2026, which is 06:00 UTC.
  EXPECT_EQ(runs(schedule("30 1 * * *", "America/New_York"), "2026-11-01T00:00:00Z",
                 "2026-11-02T12:00:00Z"),
            (List{"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}));
}

TEST(CronSchedule, EveryHourIsEveryHourWhateverItIsCalled) {
  EXPECT_EQ(
      runs(schedule("@hourly", "America/New_York"), "2026-11-01T04:30:00Z", "2026-11-01T07:30:00Z"),
      (List{"2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z"}));
  EXPECT_EQ(
      runs(schedule("30 * * * *", "Europe/Berlin"), "2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z"),
      (List{"2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"}));
}

TEST(CronSchedule, HalfAnHourIsSkippedAndRepeatedOnLordHowe) {
  // 02:00 is 02:30 on 4 October 2026 (15:30 UTC the day before), 02:00 is 01:30 on 5 April (15:00).
  EXPECT_EQ(runs(schedule("15 2 * * *", "Australia/Lord_Howe"), "2026-10-03T00:00:00Z",
                 "2026-10-04T23:00:00Z"),
            (List{"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}));
  EXPECT_EQ(runs(schedule("45 1 * * *", "Australia/Lord_Howe"), "2026-04-04T00:00:00Z",
                 "2026-04-04T23:00:00Z"),
            (List{"2026-04-04T14:45:00Z"}));
}

TEST(CronSchedule, ADayThatASkippedDateLineTookRunsAtItsEnd) {
  // Samoa had no 30 December 2011.
  EXPECT_EQ(runs(schedule("0 12 30 12 *", "Pacific/Apia"), "2011-12-01T00:00:00Z",
                 "2011-12-31T23:00:00Z"),
            (List{"2011-12-30T10:00:00Z"}));
}

TEST(CronSchedule, AMidnightThatComesTwiceKeepsItsOrder) {
  // St John's, until 2011: at 00:01 (02:31 UTC) clocks were set back to 23:01 of the day before.
  const CronSchedule minutely = schedule("* * * * *", "America/St_Johns");
  EXPECT_EQ(minutely.next_after(at("2006-10-29T02:29:00Z")), at("2006-10-29T02:30:00Z"));
  EXPECT_EQ(minutely.next_after(at("2006-10-29T02:30:00Z")), at("2006-10-29T02:31:00Z"));
  EXPECT_EQ(minutely.last_before(at("2006-10-29T02:32:00Z")), at("2006-10-29T02:31:00Z"));
  EXPECT_EQ(minutely.last_before(at("2006-10-29T02:31:00Z")), at("2006-10-29T02:30:00Z"));
}

TEST(CronSchedule, RareDaysAreFoundInBothDirections) {
  const CronSchedule leap = schedule("0 0 29 2 *", "UTC");
  EXPECT_EQ(leap.next_after(at("2096-03-01T00:00:00Z")), at("2104-02-29T00:00:00Z"));
  EXPECT_EQ(leap.last_before(at("2026-01-01T00:00:00Z")), at("2024-02-29T00:00:00Z"));
  EXPECT_EQ(leap.next_after(Timestamp{INT64_MAX}), std::nullopt);
  EXPECT_EQ(leap.last_before(Timestamp{INT64_MIN}), std::nullopt);
}

TEST(CronSchedule, TheInstantItselfIsNeitherNextNorLast) {
  const CronSchedule daily = schedule("@daily", "UTC");
  const Timestamp midnight = at("2026-11-26T00:00:00Z");
  EXPECT_EQ(daily.next_after(midnight), at("2026-11-27T00:00:00Z"));
  EXPECT_EQ(daily.last_before(midnight), at("2026-11-25T00:00:00Z"));
  EXPECT_EQ(daily.last_before(midnight + std::chrono::microseconds(1)), midnight);
}

// The C library's reading of the zone, minute by minute: another program's eyes.
class Oracle {
 public:
  explicit Oracle(const char* zone, time_t start = k2026) : start_(start) {
    if (const char* before = std::getenv("TZ")) before_ = before;
    setenv("TZ", zone, 1);
    tzset();
    for (time_t t = start; t < start + kYear_s; t += 60) {
      tm local{};
      localtime_r(&t, &local);
      local_minutes_.push_back((t + local.tm_gmtoff) / 60);
    }
  }
  ~Oracle() {
    before_.empty() ? unsetenv("TZ") : setenv("TZ", before_.c_str(), 1);
    tzset();
  }

  std::vector<Timestamp> runs(const CronExpression& expression) {
    std::vector<Timestamp> found;
    time_t furthest = local_minutes_.front() - 1;
    for (size_t i = 0; i < local_minutes_.size(); ++i) {
      const time_t now = local_minutes_[i];
      bool run = false;
      if (expression.every_hour()) {
        run = matches(expression, now);
      } else {
        // All that the calendar has come to for the first time, what it jumped over too.
        for (time_t m = furthest + 1; m <= now; ++m) run = run || matches(expression, m);
      }
      furthest = std::max(furthest, now);
      if (run) found.push_back({(start_ + time_t(i) * 60) * 1'000'000});
    }
    return found;
  }

  static constexpr time_t k2026 = 1'767'225'600;
  static constexpr time_t k2050 = 2'524'608'000;
  static constexpr time_t kYear_s = 366 * 86400;

 private:
  const time_t start_;
  bool matches(const CronExpression& expression, time_t minute) {
    constexpr time_t kDay = 24 * 60;
    if (!expression.matches_minute_of_day(unsigned(minute % kDay / 60), unsigned(minute % 60))) {
      return false;
    }
    if (minute / kDay != day_number_) {
      day_number_ = minute / kDay;
      const time_t seconds = minute * 60;
      tm as_utc{};
      gmtime_r(&seconds, &as_utc);
      day_ = {unsigned(as_utc.tm_mon + 1), unsigned(as_utc.tm_mday), unsigned(as_utc.tm_wday)};
    }
    return expression.matches_day(day_);
  }
  // Of each minute of the year, what the calendar shows, as if its zone were UTC.
  std::vector<time_t> local_minutes_;
  time_t day_number_ = -1;
  CalendarDay day_;
  std::string before_;
};

TEST(CronSchedule, AgreesWithAYearMinuteByMinuteInBothDirections) {
  const List all{"30 2 * * *",     "15 1-3 * * *",    "0 */2 * * *",
                 "45 1,2 * * sun", "@hourly",         "*/30 * * * 0",
                 "59 23 1 * *",    "10 0 1,15 * mon", "*/20 0-4 */5 mar,apr,oct,nov 0"};
  const List at_midnight{"@daily", "30 23,0-1 * * *", "@hourly"};
  const std::map<const char*, List> cases{{"Europe/Berlin", all},
                                          {"America/New_York", all},
                                          {"Australia/Lord_Howe", all},
                                          {"America/Havana", at_midnight},
                                          {"Atlantic/Azores", at_midnight}};
  for (const auto& [zone, texts] : cases) {
    Oracle oracle(zone);
    for (const std::string& text : texts) {
      const CronSchedule s = schedule(text, zone);
      const auto expected = oracle.runs(s.expression());
      ASSERT_FALSE(expected.empty());
      Timestamp before{(int64_t{Oracle::k2026} * 1'000'000) - 1};
      for (const Timestamp run : expected) {
        ASSERT_EQ(s.next_after(before), run)
            << text << " in " << zone << " after " << to_iso_utc(before) << ", not "
            << to_iso_utc(s.next_after(before).value_or(Timestamp{})) << " but " << to_iso_utc(run);
        before = run;
      }
      Timestamp after{int64_t{Oracle::k2026 + Oracle::kYear_s} * 1'000'000};
      for (auto run = expected.rbegin(); run != expected.rend(); ++run) {
        ASSERT_EQ(s.last_before(after), *run)
            << text << " in " << zone << " before " << to_iso_utc(after);
        after = *run;
      }
    }
  }
}

// By the rule at the end of the zone's file: its transitions end in 2037.
TEST(CronSchedule, AgreesFarInTheFuture) {
  for (const char* zone : {"Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo"}) {
    Oracle oracle(zone, Oracle::k2050);
    const CronSchedule s = schedule("15 0-2 * * *", zone);
    Timestamp before{(int64_t{Oracle::k2050} * 1'000'000) - 1};
    for (const Timestamp run : oracle.runs(s.expression())) {
      ASSERT_EQ(s.next_after(before), run) << zone << " after " << to_iso_utc(before);
      before = run;
    }
  }
}

TEST(CronSchedule, LeavesTheProcessesOwnZoneAlone) {
  Oracle own("Asia/Tokyo");
  schedule("30 2 * * *", "Europe/Berlin").next_after(at("2026-03-28T12:00:00Z"));
  const time_t t = Oracle::k2026;
  tm local{};
  localtime_r(&t, &local);
  EXPECT_EQ(local.tm_gmtoff, 9 * 3600);
  EXPECT_STREQ(std::getenv("TZ"), "Asia/Tokyo");
}

}  // namespace
}  // namespace walkback::schedule
