#include "schedule/cron_schedule.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <vector>

namespace walkback::schedule {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const date::sys_days kFirstDay{date::January / 1 / 1900};
const date::sys_days kLastDay{date::December / 31 / 9999};
// Beside the day itself, what a change of the clocks at midnight can move into it.
constexpr date::days kNeighbour{1};

Timestamp timestamp(date::sys_seconds time) {
  return {microseconds(time.time_since_epoch()).count()};
}

date::sys_days clamped(date::sys_days day) { return std::clamp(day, kFirstDay, kLastDay); }

// The day that the calendar of the zone shows then, as if it were one of UTC.
date::sys_days local_day(const date::time_zone& zone, Timestamp instant) {
  const auto whole =
      date::floor<seconds>(date::sys_time<microseconds>(microseconds(instant.unix_us)));
  // So far away no rule of a zone reaches, and days do not count.
  if (whole < kFirstDay || whole > kLastDay) return clamped(date::floor<date::days>(whole));
  return date::sys_days(date::floor<date::days>(zone.to_local(whole)).time_since_epoch());
}

CalendarDay calendar_day(date::sys_days day) {
  const date::year_month_day date(day);
  return {unsigned(date.month()), unsigned(date.day()), date::weekday(day).c_encoding()};
}

// The instants at which clocks show `local`, as the schedule counts them.
void add_instants(const date::time_zone& zone, date::local_seconds local, bool every_hour,
                  std::vector<Timestamp>& instants) {
  const date::local_info info = zone.get_info(local);
  const date::sys_seconds first{local.time_since_epoch() - info.first.offset};
  switch (info.result) {
    case date::local_info::unique:
      instants.push_back(timestamp(first));
      break;
    case date::local_info::nonexistent:
      if (!every_hour) instants.push_back(timestamp(info.first.end));
      break;
    case date::local_info::ambiguous:
      instants.push_back(timestamp(first));
      if (every_hour) {
        instants.push_back(
            timestamp(date::sys_seconds{local.time_since_epoch() - info.second.offset}));
      }
      break;
  }
}

// The offset from UTC, where no clock changes anywhere near the day.
std::optional<seconds> steady_offset(const date::time_zone& zone, date::sys_days day) {
  const date::sys_info info = zone.get_info(day);
  const bool steady = info.begin <= day - kNeighbour && info.end >= day + 2 * kNeighbour;
  return steady ? std::optional(info.offset) : std::nullopt;
}

std::vector<Timestamp> runs_of_day(const CronExpression& expression, const date::time_zone& zone,
                                   date::sys_days day) {
  std::vector<Timestamp> instants;
  if (!expression.matches_day(calendar_day(day))) return instants;
  const std::optional<seconds> offset = steady_offset(zone, day);
  for (unsigned hour = 0; hour < 24; ++hour) {
    for (unsigned minute = 0; minute < 60; ++minute) {
      if (!expression.matches_minute_of_day(hour, minute)) continue;
      const date::local_seconds local{day.time_since_epoch() + hours(hour) + minutes(minute)};
      if (offset) {
        instants.push_back(timestamp(date::sys_seconds{local.time_since_epoch() - *offset}));
      } else {
        add_instants(zone, local, expression.every_hour(), instants);
      }
    }
  }
  return instants;
}

}  // namespace

Result<Zone> Zone::find(std::string_view name) {
  // The library throws, and reads the system's files when it is first asked.
  try {
    date::get_tzdb();
  } catch (const std::exception& e) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("this system's time zones cannot be read: {}", e.what()),
                      "install the package tzdata");
  }
  try {
    return Zone(date::locate_zone(std::string(name)), std::string(name));
  } catch (const std::exception&) {
    return make_error(ErrorKind::kInvalid, fmt::format("there is no time zone \"{}\"", name),
                      "a name such as \"Europe/Berlin\" or \"UTC\"; `timedatectl list-timezones` "
                      "shows all");
  }
}

std::optional<Timestamp> CronSchedule::next_after(Timestamp instant) const {
  std::optional<Timestamp> best;
  date::sys_days last = kLastDay;
  for (date::sys_days day = clamped(local_day(*zone_.zone_, instant) - kNeighbour); day <= last;
       day += date::days(1)) {
    for (const Timestamp run : runs_of_day(expression_, *zone_.zone_, day)) {
      if (run > instant && (!best || run < *best)) best = run;
    }
    if (best && last == kLastDay) last = day + kNeighbour;
  }
  return best;
}

std::optional<Timestamp> CronSchedule::last_before(Timestamp instant) const {
  std::optional<Timestamp> best;
  date::sys_days first = kFirstDay;
  for (date::sys_days day = clamped(local_day(*zone_.zone_, instant) + kNeighbour); day >= first;
       day -= date::days(1)) {
    for (const Timestamp run : runs_of_day(expression_, *zone_.zone_, day)) {
      if (run < instant && (!best || run > *best)) best = run;
    }
    if (best && first == kFirstDay) first = day - kNeighbour;
  }
  return best;
}

}  // namespace walkback::schedule
