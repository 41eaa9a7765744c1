#include "schedule/posix_rule.h"

#include <date/date.h>

#include <algorithm>
#include <cctype>
#include <charconv>

namespace walkback::schedule {

namespace {

constexpr int64_t kHour_s = 3600;
constexpr int64_t kDay_s = 24 * kHour_s;
constexpr unsigned kLastWeek = 5;
constexpr int kLongestHours = 167;

// Reads from the front; false: that is not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }

  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // "CET" or "<+1030>"
  bool skip_name() {
    if (skip('<')) {
      const size_t end = rest_.find('>');
      if (end == std::string_view::npos) return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    size_t length = 0;
    while (length < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[length])) != 0) {
      ++length;
    }
    rest_.remove_prefix(length);
    return length >= 3;
  }
  bool number(int& value, int min, int max) {
    if (rest_.empty() || std::isdigit(static_cast<unsigned char>(rest_[0])) == 0) return false;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (error != std::errc() || value < min || value > max) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    return true;
  }
  // "[+-]hh[:mm[:ss]]"
  bool time(int64_t& seconds) {
    const int64_t sign = skip('-') ? -1 : 1;
    if (sign > 0) skip('+');
    int hours = 0, minutes = 0, rest = 0;
    if (!number(hours, 0, kLongestHours)) return false;
    if (skip(':') && !number(minutes, 0, 59)) return false;
    if (skip(':') && !number(rest, 0, 59)) return false;
    seconds = sign * (hours * kHour_s + minutes * 60 + rest);
    return true;
  }

 private:
  std::string_view rest_;
};

enum class DayForm { kMonthWeekDay, kJulian, kDayOfYear };

struct Change {
  DayForm form = DayForm::kMonthWeekDay;
  int month = 1, week = 1, day = 0;
  int64_t time_s = 2 * kHour_s;  // by the clocks before it

  bool read(Reader& reader) {
    if (reader.skip('M')) {
      const bool ok = reader.number(month, 1, 12) && reader.skip('.') &&
                      reader.number(week, 1, kLastWeek) && reader.skip('.') &&
                      reader.number(day, 0, 6);
      if (!ok) return false;
    } else if (reader.skip('J')) {
      form = DayForm::kJulian;
      if (!reader.number(day, 1, 365)) return false;
    } else {
      form = DayForm::kDayOfYear;
      if (!reader.number(day, 0, 365)) return false;
    }
    return !reader.skip('/') || reader.time(time_s);
  }

  date::sys_days day_in(date::year year) const {
    const date::sys_days new_year = year / date::January / 1;
    if (form == DayForm::kDayOfYear) return new_year + date::days(day);
    // The 29th of February is never counted.
    if (form == DayForm::kJulian) {
      return new_year + date::days(day - 1 + (year.is_leap() && day > 59 ? 1 : 0));
    }
    const auto weekday = date::weekday(static_cast<unsigned>(day));
    const auto in_month = year / static_cast<unsigned>(month);
    if (week == static_cast<int>(kLastWeek)) return date::sys_days(in_month / weekday[date::last]);
    return date::sys_days(in_month / weekday[static_cast<unsigned>(week)]);
  }

  int64_t at(int year, int64_t offset_before) const {
    return day_in(date::year(year)).time_since_epoch().count() * kDay_s + time_s - offset_before;
  }
};

}  // namespace

std::optional<std::vector<RuleTransition>> expand_posix_rule(std::string_view text, int first,
                                                             int last) {
  Reader reader(text);
  std::vector<RuleTransition> transitions;
  int64_t standard_west = 0;
  if (!reader.skip_name() || !reader.time(standard_west)) return std::nullopt;
  if (reader.at_end()) return transitions;
  int64_t summer_west = standard_west - kHour_s;
  if (!reader.skip_name()) return std::nullopt;
  Change to_summer, to_standard;
  if (!reader.skip(',')) {
    if (!reader.time(summer_west) || !reader.skip(',')) return std::nullopt;
  }
  const bool ok = to_summer.read(reader) && reader.skip(',') && to_standard.read(reader);
  if (!ok || !reader.at_end()) return std::nullopt;
  for (int year = first; year <= last; ++year) {
    transitions.push_back({to_summer.at(year, -standard_west), -summer_west});
    transitions.push_back({to_standard.at(year, -summer_west), -standard_west});
  }
  std::sort(transitions.begin(), transitions.end(),
            [](const RuleTransition& a, const RuleTransition& b) { return a.at < b.at; });
  return transitions;
}

}  // namespace walkback::schedule
