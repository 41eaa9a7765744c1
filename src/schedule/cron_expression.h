// The five fields of a crontab line, without a command: which minutes of the calendar it means.
// Pure; knows no time zone (cron_schedule.h does).
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "base/result.h"

namespace walkback::schedule {

// A day of the Gregorian calendar.
struct CalendarDay {
  unsigned month = 1;    // 1 to 12
  unsigned day = 1;      // 1 to 31
  unsigned weekday = 0;  // 0 is Sunday
};

class CronExpression {
 public:
  // "MINUTE HOUR DAY MONTH WEEKDAY" as crontab(5) has them, names also in ranges and lists, or
  // "@hourly", "@daily" and their like. kInvalid, with the field and what is wrong with it, for
  // everything else, and for what no day of any year is.
  static Result<CronExpression> parse(std::string_view text);

  // As crontab(5): where both day fields are restricted (neither begins with '*') one of them is
  // enough, else both must hold.
  bool matches_day(const CalendarDay& day) const;
  bool matches_minute_of_day(unsigned hour, unsigned minute) const {
    return hours_[hour] && minutes_[minute];
  }
  // Runs are then counted by the clock that goes on, not by what the calendar calls the hour.
  bool every_hour() const { return hours_.all(); }

  const std::string& text() const { return text_; }

 private:
  CronExpression() = default;
  bool ever_matches() const;

  std::string text_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;    // 1 to 31
  std::bitset<13> months_;  // 1 to 12
  std::bitset<7> weekdays_;
  bool any_day_ = false;      // the field begins with '*'
  bool any_weekday_ = false;  // likewise
};

}  // namespace walkback::schedule
