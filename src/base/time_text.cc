#include "base/time_text.h"

#include <fmt/format.h>

#include <optional>

namespace walkback {
namespace {

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kDayUs = 86'400 * kSecondUs;
// The Gregorian calendar repeats after this many days. std::chrono::year holds 16 bits and a
// Timestamp reaches the year 294247, so dates are computed within one cycle.
constexpr int64_t kCycleDays = 146'097;
constexpr int64_t kCycleYears = 400;

int64_t floor_divide(int64_t value, int64_t by) { return value / by - (value % by < 0 ? 1 : 0); }

struct Date {
  int64_t year = 0;
  unsigned month = 0;
  unsigned day = 0;
};

Date date_of(int64_t unix_days) {
  int64_t cycle = floor_divide(unix_days, kCycleDays);
  auto day_of_cycle = static_cast<int>(unix_days - cycle * kCycleDays);
  std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day_of_cycle}}};
  return {static_cast<int>(date.year()) + cycle * kCycleYears, static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day())};
}

std::optional<int64_t> unix_days_of(const Date& date) {
  int64_t cycle = floor_divide(date.year, kCycleYears);
  std::chrono::year_month_day within{
      std::chrono::year{static_cast<int>(date.year - cycle * kCycleYears)},
      std::chrono::month{date.month}, std::chrono::day{date.day}};
  if (!within.ok()) return std::nullopt;
  return std::chrono::sys_days{within}.time_since_epoch().count() + cycle * kCycleDays;
}

// Reads forward through the text; the first thing that does not fit makes everything fail.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  int64_t number(size_t least_digits, size_t most_digits) {
    int64_t value = 0;
    digits_ = 0;
    while (digits_ < most_digits && !text_.empty() && text_[0] >= '0' && text_[0] <= '9') {
      value = value * 10 + (text_[0] - '0');
      text_.remove_prefix(1);
      ++digits_;
    }
    if (digits_ < least_digits) failed_ = true;
    return value;
  }
  // How many digits the last number had.
  size_t digits() const { return digits_; }

  bool skip(char expected) {
    if (text_.empty() || text_[0] != expected) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char expected) { failed_ = !skip(expected) || failed_; }
  bool ended_well() const { return text_.empty() && !failed_; }

 private:
  std::string_view text_;
  size_t digits_ = 0;
  bool failed_ = false;
};

int64_t read_year(Scanner& scanner) {
  if (scanner.skip('-')) return -scanner.number(4, 6);
  if (scanner.skip('+')) return scanner.number(4, 6);
  return scanner.number(4, 4);
}

int64_t read_fraction_us(Scanner& scanner) {
  if (!scanner.skip('.')) return 0;
  int64_t value = scanner.number(1, 6);
  for (size_t i = scanner.digits(); i < 6; ++i) value *= 10;
  return value;
}

std::optional<int64_t> read_unix_us(std::string_view text) {
  Scanner scanner(text);
  Date date;
  date.year = read_year(scanner);
  scanner.expect('-');
  date.month = static_cast<unsigned>(scanner.number(2, 2));
  scanner.expect('-');
  date.day = static_cast<unsigned>(scanner.number(2, 2));
  scanner.expect('T');
  int64_t hour = scanner.number(2, 2);
  scanner.expect(':');
  int64_t minute = scanner.number(2, 2);
  scanner.expect(':');
  int64_t second = scanner.number(2, 2);
  int64_t fraction_us = read_fraction_us(scanner);
  scanner.expect('Z');
  if (!scanner.ended_well() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  std::optional<int64_t> days = unix_days_of(date);
  if (!days) return std::nullopt;
  __extension__ __int128 unix_us = *days;
  unix_us = unix_us * kDayUs + ((hour * 60 + minute) * 60 + second) * kSecondUs + fraction_us;
  auto narrow = static_cast<int64_t>(unix_us);
  if (narrow != unix_us) return std::nullopt;
  return narrow;
}

}  // namespace

std::string to_iso_utc(Timestamp time) {
  int64_t days = floor_divide(time.unix_us, kDayUs);
  // Not `time - days * kDayUs`: for the earliest times that product does not fit.
  int64_t of_day_us = time.unix_us % kDayUs;
  if (of_day_us < 0) of_day_us += kDayUs;
  Date date = date_of(days);
  int64_t second = of_day_us / kSecondUs;
  bool plain_year = date.year >= 0 && date.year <= 9999;
  std::string text =
      plain_year ? fmt::format("{:04}", date.year) : fmt::format("{:+05}", date.year);
  text += fmt::format("-{:02}-{:02}T{:02}:{:02}:{:02}", date.month, date.day, second / 3600,
                      second / 60 % 60, second % 60);
  if (of_day_us % kSecondUs != 0) text += fmt::format(".{:06}", of_day_us % kSecondUs);
  return text + "Z";
}

Result<Timestamp> parse_iso_utc(std::string_view text) {
  std::optional<int64_t> unix_us = read_unix_us(text);
  if (!unix_us) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("\"{}\" is not a time of the form 2026-11-22T15:46:59.123456Z",
                                  text.substr(0, 64)));
  }
  return Timestamp{*unix_us};
}

}  // namespace walkback
