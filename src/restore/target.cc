#include "restore/target.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <chrono>
#include <ctime>
#include <optional>
#include <set>
#include <vector>

#include "base/local_zone.h"

namespace walkback::restore {

namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayS = 86'400;

constexpr std::string_view kForms =
    "times are read as '2026-11-22 15:46', '2026-11-22 15:46:59.123456', '2026-11-22T15:46:59Z', "
    "each with "
    "or without a zone ('+02', '+02:00', 'UTC', 'Z'), as '15:46' or '15:46:59' of today, or as "
    "'10 minutes ago' (seconds, minutes, hours, days, weeks)";

Error not_a_time(std::string_view text, std::string_view why) {
  return make_error(ErrorKind::kInvalid, fmt::format("'{}' is not a time: {}", text, why),
                    std::string(kForms));
}

// What the text says, before it is known what it means: a wall clock's reading and perhaps a zone.
struct WallTime {
  std::optional<std::chrono::year_month_day> date;  // none: today
  int64_t second_of_day = 0;
  int64_t fraction_us = 0;
  std::string zone;  // "", "Z", "+02:00", "CEST"
};

// Reads forward through what the user typed; a failed step leaves the position where it was.
class TextReader {
 public:
  explicit TextReader(std::string_view text) : text_(text) {}

  bool at_end() const { return position_ == text_.size(); }
  std::string_view rest() const { return text_.substr(position_); }

  bool skip_any_of(std::string_view characters) {
    if (at_end() || characters.find(text_[position_]) == std::string_view::npos) return false;
    ++position_;
    return true;
  }
  void skip_spaces() {
    while (skip_any_of(" \t")) {
    }
  }
  // Exactly `count` digits.
  std::optional<int> digits(size_t count) {
    if (text_.size() - position_ < count) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < count; ++i) {
      char c = text_[position_ + i];
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    position_ += count;
    return value;
  }
  std::string_view all_digits() {
    size_t begin = position_;
    while (skip_any_of("0123456789")) {
    }
    return text_.substr(begin, position_ - begin);
  }

 private:
  std::string_view text_;
  size_t position_ = 0;
};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

// "10 minutes ago". Nothing when the text is of another form.
std::optional<int64_t> seconds_of_unit(std::string_view unit) {
  struct Unit {
    std::string_view name;
    int64_t seconds;
  };
  static constexpr std::array kUnits = {
      Unit{"s", 1},         Unit{"sec", 1},          Unit{"secs", 1},
      Unit{"second", 1},    Unit{"seconds", 1},      Unit{"m", 60},
      Unit{"min", 60},      Unit{"mins", 60},        Unit{"minute", 60},
      Unit{"minutes", 60},  Unit{"h", 3600},         Unit{"hr", 3600},
      Unit{"hrs", 3600},    Unit{"hour", 3600},      Unit{"hours", 3600},
      Unit{"d", kDayS},     Unit{"day", kDayS},      Unit{"days", kDayS},
      Unit{"w", 7 * kDayS}, Unit{"week", 7 * kDayS}, Unit{"weeks", 7 * kDayS}};
  for (const Unit& candidate : kUnits) {
    if (candidate.name == unit) return candidate.seconds;
  }
  return std::nullopt;
}

bool says_ago(std::string_view text) {
  return text.size() > 3 && lower(text.substr(text.size() - 3)) == "ago";
}

Result<Timestamp> parse_ago(std::string_view text, Timestamp now) {
  TextReader reader(text.substr(0, text.size() - 3));
  std::string_view count_digits = reader.all_digits();
  if (count_digits.empty() || count_digits.size() > 9) {
    return not_a_time(text, "it does not begin with a number");
  }
  int64_t count = std::stoll(std::string(count_digits));
  std::string unit = lower(trimmed(reader.rest()));
  std::optional<int64_t> unit_s = seconds_of_unit(unit);
  if (!unit_s) return not_a_time(text, fmt::format("'{}' is not a unit of time", unit));
  const int64_t ago_s = count * *unit_s;
  if (ago_s > now.unix_us / kSecondUs) return not_a_time(text, "it lies before 1970");
  return Timestamp{now.unix_us - ago_s * kSecondUs};
}

Error say_instead(std::string_view text, std::string_view why, std::string_view instead) {
  return make_error(ErrorKind::kInvalid, fmt::format("'{}' is not a time: {}", text, why),
                    fmt::format("write {}", instead));
}

// "3:47pm": as the clock shows it in 24 hours. Nothing when the text is of another form.
std::optional<Error> of_twelve_hours(std::string_view text) {
  std::string rest = lower(text);
  std::erase(rest, '.');
  const bool after_noon = rest.ends_with("pm");
  if (!after_noon && !rest.ends_with("am")) return std::nullopt;
  rest.resize(rest.size() - 2);
  rest = trimmed(rest);
  const size_t begin = rest.find_last_of(" t") + 1;  // of the clock's reading
  TextReader reader(std::string_view(rest).substr(begin));
  const std::string_view hour_digits = reader.all_digits();
  if (hour_digits.empty() || hour_digits.size() > 2) return std::nullopt;
  const int hour = std::stoi(std::string(hour_digits));
  const std::string minutes = reader.at_end() ? ":00" : std::string(reader.rest());
  const int of_24 = hour > 12 ? hour : hour % 12 + (after_noon ? 12 : 0);
  return say_instead(text, "hours are counted to 24",
                     fmt::format("'{}{:02}{}'", rest.substr(0, begin), of_24, minutes));
}

// "yesterday 15:46".
std::optional<Error> of_a_named_day(std::string_view text, std::string_view today,
                                    std::string_view yesterday) {
  for (const auto& [name, date] : {std::pair("yesterday", yesterday), std::pair("today", today)}) {
    if (!lower(text).starts_with(name)) continue;
    std::string_view clock = text.substr(std::string_view(name).size());
    if (!clock.empty() && !std::isspace(static_cast<unsigned char>(clock[0]))) continue;
    clock = trimmed(clock);
    return say_instead(text, "a day is given by its date",
                       fmt::format("'{} {}'", date, clock.empty() ? "15:46" : clock));
  }
  return std::nullopt;
}

// "8 minutes".
std::optional<Error> of_a_distance(std::string_view text) {
  TextReader reader(text);
  const std::string_view count = reader.all_digits();
  if (count.empty() || !seconds_of_unit(lower(trimmed(reader.rest())))) return std::nullopt;
  return say_instead(text, "it does not say from when", fmt::format("'{} ago'", text));
}

// "3:47".
std::optional<Error> of_a_short_hour(std::string_view text) {
  const bool short_hour = text.size() >= 4 && text[1] == ':' &&
                          std::isdigit(static_cast<unsigned char>(text[0])) &&
                          std::isdigit(static_cast<unsigned char>(text[2]));
  if (!short_hour) return std::nullopt;
  return say_instead(text, "an hour has two digits", fmt::format("'0{}'", text));
}

Result<void> read_date(TextReader& reader, std::string_view text, WallTime& wall) {
  std::optional<int> year = reader.digits(4);
  std::optional<int> month, day;
  bool read = year && reader.skip_any_of("-") && (month = reader.digits(2)) &&
              reader.skip_any_of("-") && (day = reader.digits(2));
  if (!read) return not_a_time(text, "a date is YYYY-MM-DD");
  std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(unsigned(*month)),
                                   std::chrono::day(unsigned(*day))};
  if (!date.ok()) return not_a_time(text, "there is no such day");
  if (*year < 1970) return not_a_time(text, "it lies before 1970");
  if (!reader.skip_any_of("Tt ")) return not_a_time(text, "it has a date and no time of day");
  reader.skip_spaces();
  wall.date = date;
  return success();
}

// Beyond microseconds digits are cut off. No commit lies between: PostgreSQL's times have no more.
int64_t fraction_us(std::string_view digits) {
  int64_t us = 0;
  for (size_t i = 0; i < 6; ++i) us = us * 10 + (i < digits.size() ? digits[i] - '0' : 0);
  return us;
}

Result<void> read_time_of_day(TextReader& reader, std::string_view text, WallTime& wall) {
  std::optional<int> hour = reader.digits(2);
  std::optional<int> minute, second = 0;
  bool read = hour && reader.skip_any_of(":") && (minute = reader.digits(2));
  if (read && reader.skip_any_of(":")) {
    second = reader.digits(2);
    if (second && reader.skip_any_of(".,")) {
      std::string_view digits = reader.all_digits();
      if (digits.empty()) return not_a_time(text, "it has no digits after the decimal point");
      wall.fraction_us = fraction_us(digits);
    }
  }
  if (!read || !second) return not_a_time(text, "a time of day is HH:MM or HH:MM:SS");
  if (*hour > 23 || *minute > 59 || *second > 59) {
    return not_a_time(text, "there is no such time of day");
  }
  wall.second_of_day = *hour * 3600 + *minute * 60 + *second;
  return success();
}

Result<WallTime> read_wall_time(std::string_view text) {
  WallTime wall;
  TextReader reader(text);
  if (text.size() < 3 || text[2] != ':') TRY(read_date(reader, text, wall));
  TRY(read_time_of_day(reader, text, wall));
  wall.zone = trimmed(reader.rest());
  return wall;
}

// "Z", "UTC", "+02", "+0200", "+02:00" as seconds east of UTC. Nothing for any other name.
std::optional<int64_t> fixed_offset_s(std::string_view zone) {
  std::string name = lower(zone);
  if (name == "z" || name == "utc" || name == "gmt") return 0;
  if (zone.empty() || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  TextReader reader(zone.substr(1));
  std::optional<int> hours = reader.digits(2);
  std::optional<int> minutes = 0;
  if (hours && !reader.at_end()) {
    reader.skip_any_of(":");
    minutes = reader.digits(2);
  }
  if (!hours || !minutes || !reader.at_end() || *hours > 15 || *minutes > 59) return std::nullopt;
  int64_t offset = *hours * 3600 + *minutes * 60;
  return zone[0] == '-' ? -offset : offset;
}

tm local_time(int64_t unix_s) {
  time_t time = unix_s;
  tm parts{};
  tzset();  // localtime_r() need not look at TZ again
  localtime_r(&time, &parts);
  return parts;
}

// `wall_s`: the wall clock's reading as if it were UTC. Each instant at which the clock here showed
// it: one, or two when clocks went back over it, or none when they went forward over it.
struct LocalReadings {
  std::vector<int64_t> instants;
  std::set<int64_t> offsets;  // of the zone, the day before and the day after
};

LocalReadings local_readings(int64_t wall_s) {
  LocalReadings readings;
  // East first means earliest first.
  for (int64_t near : {wall_s - kDayS, wall_s + kDayS}) {
    readings.offsets.insert(local_time(near).tm_gmtoff);
  }
  for (auto offset = readings.offsets.rbegin(); offset != readings.offsets.rend(); ++offset) {
    int64_t instant = wall_s - *offset;
    if (local_time(instant).tm_gmtoff == *offset) readings.instants.push_back(instant);
  }
  return readings;
}

std::string show_date_and_second(int64_t wall_s) {
  time_t time = wall_s;
  tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string show_fraction(int64_t us) {
  if (us == 0) return {};
  std::string digits = fmt::format(".{:06}", us);
  digits.resize(digits.find_last_not_of('0') + 1);
  return digits;
}

std::string show_offset(int64_t offset_s) {
  int64_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
  return fmt::format("{}{:02}:{:02}", offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

// "'2026-10-25 02:30:00+02:00' (00:30:00 UTC)": what to type for each reading.
std::string both_readings(int64_t wall_s, const std::set<int64_t>& offsets) {
  std::string text;
  for (auto offset = offsets.rbegin(); offset != offsets.rend(); ++offset) {
    if (!text.empty()) text += " or ";
    text += fmt::format("'{}{}' (which is {})", show_date_and_second(wall_s), show_offset(*offset),
                        show_time({(wall_s - *offset) * kSecondUs}));
  }
  return text;
}

Result<int64_t> local_instant(std::string_view text, const std::string& zone, int64_t wall_s) {
  if (const std::optional<std::string> unknown = unknown_zone()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("'{}' is a time of this host's zone, and TZ names none that is known here: {}",
                    text, *unknown),
        "write the offset from UTC, as in '2026-11-22 15:46:59+01:00', or put TZ right");
  }
  LocalReadings readings = local_readings(wall_s);
  std::vector<int64_t> matching;
  for (int64_t instant : readings.instants) {
    if (zone.empty() || lower(zone) == lower(local_time(instant).tm_zone))
      matching.push_back(instant);
  }
  if (matching.size() == 1) return matching[0];
  if (matching.empty() && zone.find('/') != std::string_view::npos) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("'{}': '{}' is a name of a zone, and these are not read", text, zone),
        fmt::format("write the offset from UTC instead, as in '2026-11-22 "
                    "15:46:59+01:00', or let the host's zone be that one: TZ={}",
                    zone));
  }
  if (!zone.empty() && matching.empty()) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("'{}': the zone '{}' is not this host's at that time, and the same "
                    "letters name several zones in the world",
                    text, zone),
        "write the offset from UTC instead, as in '2026-11-22 15:46:59+02:00'");
  }
  const std::string_view why = matching.empty()
                                   ? "never was on the clocks here: they were put forward over it"
                                   : "was on the clocks here twice: they were put back over it";
  return make_error(ErrorKind::kInvalid, fmt::format("'{}' {}", text, why),
                    fmt::format("say which is meant: {}", both_readings(wall_s, readings.offsets)));
}

int64_t wall_seconds(const WallTime& wall, int64_t today_days) {
  int64_t days =
      wall.date ? std::chrono::sys_days(*wall.date).time_since_epoch().count() : today_days;
  return days * kDayS + wall.second_of_day;
}

}  // namespace

std::string_view target_kind_name(TargetKind kind) {
  switch (kind) {
    case TargetKind::kTime:
      return "time";
    case TargetKind::kXid:
      return "xid";
    case TargetKind::kBeforeXid:
      return "before_xid";
    case TargetKind::kLsn:
      return "lsn";
    case TargetKind::kName:
      return "name";
    case TargetKind::kLatest:
      return "latest";
    case TargetKind::kImmediate:
      return "immediate";
  }
  return "latest";
}

namespace {

// What people write and is not read: said in the form that is.
std::optional<Error> said_otherwise(std::string_view text, int64_t now_s) {
  if (lower(text) == "now") {
    return make_error(ErrorKind::kInvalid, "'now' is not a time to recover to",
                      "--latest recovers all that is archived");
  }
  const int64_t local_s = now_s + local_time(now_s).tm_gmtoff;
  constexpr size_t kDateLength = 10;
  const std::string today = show_date_and_second(local_s).substr(0, kDateLength);
  const std::string yesterday = show_date_and_second(local_s - kDayS).substr(0, kDateLength);
  if (auto error = of_twelve_hours(text)) return error;
  if (auto error = of_a_named_day(text, today, yesterday)) return error;
  if (auto error = of_a_distance(text)) return error;
  return of_a_short_hour(text);
}

}  // namespace

Result<Timestamp> parse_target_time(std::string_view given, Timestamp now) {
  std::string_view text = trimmed(given);
  if (says_ago(text)) return parse_ago(text, now);
  const int64_t now_s = now.unix_us / kSecondUs;
  if (std::optional<Error> error = said_otherwise(text, now_s)) return *std::move(error);
  WallTime wall = TRY(read_wall_time(text));
  std::optional<int64_t> offset = fixed_offset_s(wall.zone);
  const bool looks_fixed = !wall.zone.empty() && (wall.zone[0] == '+' || wall.zone[0] == '-');
  if (!offset && !wall.zone.empty() && !looks_fixed &&
      !std::isalpha(static_cast<unsigned char>(wall.zone[0]))) {
    return not_a_time(text, fmt::format("'{}' after it is not understood", wall.zone));
  }
  if (!offset && looks_fixed) {
    return not_a_time(text, fmt::format("'{}' is not an offset from UTC", wall.zone));
  }
  int64_t instant = 0;
  if (offset) {
    instant = wall_seconds(wall, (now_s + *offset) / kDayS) - *offset;
  } else {
    int64_t today = (now_s + local_time(now_s).tm_gmtoff) / kDayS;
    instant = TRY(local_instant(text, wall.zone, wall_seconds(wall, today)));
  }
  return Timestamp{instant * kSecondUs + wall.fraction_us};
}

Result<Timestamp> parse_window_time(std::string_view given, Timestamp now) {
  const std::string_view text = trimmed(given);
  if (lower(text) == "now") return now;
  TextReader reader(text);
  const bool is_date = reader.digits(4) && reader.skip_any_of("-") && reader.digits(2) &&
                       reader.skip_any_of("-") && reader.digits(2) && reader.at_end();
  return parse_target_time(is_date ? fmt::format("{} 00:00", text) : std::string(text), now);
}

std::string show_time(Timestamp time) {
  int64_t fraction = time.unix_us % kSecondUs;
  if (fraction < 0) fraction += kSecondUs;
  const int64_t unix_s = (time.unix_us - fraction) / kSecondUs;
  const std::string utc = show_date_and_second(unix_s) + show_fraction(fraction) + " UTC";
  tm local = local_time(unix_s);
  const std::string zone = zone_name(local);
  if (zone == "UTC") return utc;
  return fmt::format("{}{} {} ({})", show_date_and_second(unix_s + local.tm_gmtoff),
                     show_fraction(fraction), zone, utc);
}

}  // namespace walkback::restore
