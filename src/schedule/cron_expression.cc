#include "schedule/cron_expression.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <span>
#include <vector>

#include "base/whole_number.h"

namespace walkback::schedule {

namespace {

constexpr std::array<std::string_view, 12> kMonthNames{"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdayNames{"sun", "mon", "tue", "wed",
                                                        "thu", "fri", "sat"};
constexpr unsigned kSundayAgain = 7;
// The calendar repeats itself, weekdays too, after this.
constexpr int kCycle_days = 146'097;

struct Field {
  std::string_view name;
  unsigned min;
  unsigned max;
  std::span<const std::string_view> names;
  unsigned first_name = 0;  // the number of names[0]
};

constexpr size_t kFieldCount = 5;
const std::array<Field, kFieldCount> kFields{
    Field{"minute", 0, 59, {}},
    Field{"hour", 0, 23, {}},
    Field{"day of the month", 1, 31, {}},
    Field{"month", 1, 12, kMonthNames, 1},
    Field{"day of the week", 0, kSundayAgain, kWeekdayNames, 0},
};

struct Nickname {
  std::string_view name;
  std::string_view fields;
};
constexpr std::array kNicknames{
    Nickname{"@hourly", "0 * * * *"},   Nickname{"@daily", "0 0 * * *"},
    Nickname{"@midnight", "0 0 * * *"}, Nickname{"@weekly", "0 0 * * 0"},
    Nickname{"@monthly", "0 0 1 * *"},  Nickname{"@yearly", "0 0 1 1 *"},
    Nickname{"@annually", "0 0 1 1 *"},
};

constexpr std::string_view kForm =
    "five fields, MINUTE HOUR DAY MONTH WEEKDAY, such as \"30 2 * * mon-fri\", or @hourly, @daily, "
    "@weekly, @monthly, @yearly";

// Numbers up to 59 and the 7 of a second Sunday.
using Values = std::bitset<64>;

Error bad(const Field& field, std::string_view text, std::string_view why) {
  return make_error(ErrorKind::kInvalid, fmt::format("the {} \"{}\" {}", field.name, text, why),
                    std::string(kForm));
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

Result<unsigned> parse_value(const Field& field, std::string_view text, std::string_view whole) {
  const auto* named = std::find(field.names.begin(), field.names.end(), lower(text)) -
                      field.names.begin() + field.names.data();
  if (named != field.names.data() + field.names.size()) {
    return field.first_name + static_cast<unsigned>(named - field.names.data());
  }
  const auto number = whole_number<unsigned>(text);
  if (!number || *number < field.min || *number > field.max) {
    return bad(field, whole,
               fmt::format("has \"{}\" where {} to {}{} is expected", text, field.min, field.max,
                           field.names.empty() ? "" : " or a name of three letters"));
  }
  return *number;
}

struct Range {
  unsigned first = 0;
  unsigned last = 0;
  bool single = false;
};

Result<Range> parse_range(const Field& field, std::string_view text, std::string_view whole) {
  if (text == "*") return Range{field.min, field.max == kSundayAgain ? 6 : field.max, false};
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) {
    const unsigned value = TRY(parse_value(field, text, whole));
    return Range{value, value, true};
  }
  Range range;
  range.first = TRY(parse_value(field, text.substr(0, dash), whole));
  range.last = TRY(parse_value(field, text.substr(dash + 1), whole));
  // "fri-sun" ends with the Sunday after, not with the one before.
  if (field.max == kSundayAgain && range.last == 0 && range.first > 0) range.last = kSundayAgain;
  if (range.first > range.last) {
    return bad(field, whole,
               fmt::format("has the range \"{}\", which ends before it begins", text));
  }
  return range;
}

// One of the parts between commas.
Result<void> add_part(const Field& field, std::string_view part, std::string_view whole,
                      Values& values) {
  const size_t slash = part.find('/');
  const Range range = TRY(parse_range(field, part.substr(0, slash), whole));
  unsigned step = 1;
  if (slash != std::string_view::npos) {
    const auto number = whole_number<unsigned>(part.substr(slash + 1));
    if (!number || *number == 0) return bad(field, whole, "has a step that is no positive number");
    if (range.single) {
      return bad(field, whole, "has a step after a single value: a step parts a range or *");
    }
    if (*number > range.last - range.first) {
      return bad(field, whole,
                 fmt::format("has a step of {} in a range of {}: it would mean {} only", *number,
                             range.last - range.first + 1, range.first));
    }
    step = *number;
  }
  for (unsigned value = range.first; value <= range.last; value += step) values.set(value);
  return success();
}

Result<Values> parse_field(const Field& field, std::string_view text) {
  Values values;
  std::string_view rest = text;
  while (true) {
    const size_t comma = rest.find(',');
    TRY(add_part(field, rest.substr(0, comma), text, values));
    if (comma == std::string_view::npos) return values;
    rest.remove_prefix(comma + 1);
  }
}

std::vector<std::string_view> words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> found;
  while (true) {
    const size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return found;
    text.remove_prefix(begin);
    const size_t end = std::min(text.find_first_of(kBlanks), text.size());
    found.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Result<std::vector<std::string_view>> five_fields(std::string_view text) {
  std::vector<std::string_view> fields = words(text);
  if (fields.size() == 1 && fields[0].starts_with('@')) {
    const std::string name = lower(fields[0]);
    for (const Nickname& nickname : kNicknames) {
      if (name == nickname.name) return words(nickname.fields);
    }
    return make_error(ErrorKind::kInvalid,
                      name == "@reboot" ? "\"@reboot\" is no time"
                                        : fmt::format("\"{}\" is none of cron's names", fields[0]),
                      std::string(kForm));
  }
  if (fields.size() != kFieldCount) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("\"{}\" has {} fields, a cron expression has {}", text,
                                  fields.size(), kFieldCount),
                      std::string(kForm));
  }
  return fields;
}

template <size_t N>
std::bitset<N> narrowed(const Values& values) {
  std::bitset<N> result;
  for (size_t i = 0; i < N; ++i) result[i] = values[i];
  return result;
}

}  // namespace

Result<CronExpression> CronExpression::parse(std::string_view text) {
  const std::vector<std::string_view> fields = TRY(five_fields(text));
  std::array<Values, kFieldCount> values;
  for (size_t i = 0; i < kFieldCount; ++i) values[i] = TRY(parse_field(kFields[i], fields[i]));

  CronExpression expression;
  expression.text_ = std::string(text);
  expression.minutes_ = narrowed<60>(values[0]);
  expression.hours_ = narrowed<24>(values[1]);
  expression.days_ = narrowed<32>(values[2]);
  expression.months_ = narrowed<13>(values[3]);
  expression.weekdays_ = narrowed<7>(values[4]);
  if (values[4][kSundayAgain]) expression.weekdays_.set(0);
  expression.any_day_ = fields[2].starts_with('*');
  expression.any_weekday_ = fields[4].starts_with('*');
  if (!expression.ever_matches()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format(
            "\"{}\" never comes: no month {} has a day {}{}", text, fields[3], fields[2],
            expression.weekdays_.all() ? "" : fmt::format(" that is a weekday {}", fields[4])),
        "choose a day that the month has");
  }
  return expression;
}

bool CronExpression::matches_day(const CalendarDay& day) const {
  if (!months_[day.month]) return false;
  const bool by_date = days_[day.day];
  const bool by_weekday = weekdays_[day.weekday];
  if (any_day_ || any_weekday_) return by_date && by_weekday;
  return by_date || by_weekday;
}

bool CronExpression::ever_matches() const {
  const date::sys_days start = date::sys_days(date::January / 1 / 2000);
  for (int i = 0; i < kCycle_days; ++i) {
    const date::sys_days day = start + date::days(i);
    const date::year_month_day date(day);
    if (matches_day(
            {unsigned(date.month()), unsigned(date.day()), date::weekday(day).c_encoding()})) {
      return true;
    }
  }
  return false;
}

}  // namespace walkback::schedule
