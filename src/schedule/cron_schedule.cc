#include "schedule/cron_schedule.h"

#include <date/date.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace walkback::schedule {

namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr int64_t kDay_s = 86400;
const date::sys_days kFirstDay{date::January / 1 / 1900};
const date::sys_days kLastDay{date::December / 31 / 9999};
// Beside the day itself, what a change of the clocks at midnight can move into it.
constexpr date::days kNeighbour{1};

Timestamp timestamp(UtcSeconds time) { return {microseconds(seconds(time)).count()}; }

int64_t seconds_of(date::sys_days day) { return day.time_since_epoch().count() * kDay_s; }

date::sys_days clamped(date::sys_days day) { return std::clamp(day, kFirstDay, kLastDay); }

// The day that the calendar of the zone shows then, as if it were one of UTC.
date::sys_days local_day(const Zone& zone, Timestamp instant) {
  const auto whole =
      date::floor<seconds>(date::sys_time<microseconds>(microseconds(instant.unix_us)));
  const seconds offset(zone.offset_at(whole.time_since_epoch().count()));
  return date::floor<date::days>(whole + offset);
}

CalendarDay calendar_day(date::sys_days day) {
  const date::year_month_day date(day);
  return {unsigned(date.month()), unsigned(date.day()), date::weekday(day).c_encoding()};
}

// The instants at which clocks show `local`, as the schedule counts them.
void add_instants(const Zone& zone, LocalSeconds local, bool every_hour,
                  std::vector<Timestamp>& instants) {
  const Zone::Instants found = zone.instants_of(local);
  if (found.at.empty()) {
    if (!every_hour) instants.push_back(timestamp(found.gap_end));
    return;
  }
  for (const UtcSeconds time : found.at) {
    instants.push_back(timestamp(time));
    if (!every_hour) return;
  }
}

std::vector<Timestamp> runs_of_day(const CronExpression& expression, const Zone& zone,
                                   date::sys_days day) {
  std::vector<Timestamp> instants;
  if (!expression.matches_day(calendar_day(day))) return instants;
  const int64_t start = seconds_of(day);
  const auto offset = zone.steady_offset(start - kDay_s, start + 2 * kDay_s);
  for (unsigned hour = 0; hour < 24; ++hour) {
    for (unsigned minute = 0; minute < 60; ++minute) {
      if (!expression.matches_minute_of_day(hour, minute)) continue;
      const LocalSeconds local = start + (int64_t{hour} * 60 + minute) * 60;
      if (offset) {
        instants.push_back(timestamp(local - *offset));
      } else {
        add_instants(zone, local, expression.every_hour(), instants);
      }
    }
  }
  return instants;
}

}  // namespace

std::optional<Timestamp> CronSchedule::next_after(Timestamp instant) const {
  std::optional<Timestamp> best;
  date::sys_days last = kLastDay;
  for (date::sys_days day = clamped(local_day(zone_, instant) - kNeighbour); day <= last;
       day += date::days(1)) {
    for (const Timestamp run : runs_of_day(expression_, zone_, day)) {
      if (run > instant && (!best || run < *best)) best = run;
    }
    if (best && last == kLastDay) last = day + kNeighbour;
  }
  return best;
}

std::optional<Timestamp> CronSchedule::last_before(Timestamp instant) const {
  std::optional<Timestamp> best;
  date::sys_days first = kFirstDay;
  for (date::sys_days day = clamped(local_day(zone_, instant) + kNeighbour); day >= first;
       day -= date::days(1)) {
    for (const Timestamp run : runs_of_day(expression_, zone_, day)) {
      if (run < instant && (!best || run > *best)) best = run;
    }
    if (best && first == kFirstDay) first = day - kNeighbour;
  }
  return best;
}

}  // namespace walkback::schedule
