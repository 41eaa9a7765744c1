#include "net/http_date.h"

#include <algorithm>
#include <array>

#include "base/whole_number.h"

namespace walkback::net {
namespace {

constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<int> number(std::string_view digits) {
  const auto value = whole_number<int>(digits);
  return value && *value >= 0 ? value : std::nullopt;
}

}  // namespace

std::optional<Timestamp> parse_http_date(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT": every part has its place.
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) {
    return std::nullopt;
  }
  auto day = number(text.substr(5, 2));
  auto month = std::ranges::find(kMonths, text.substr(8, 3));
  auto year = number(text.substr(12, 4));
  auto hour = number(text.substr(17, 2));
  auto minute = number(text.substr(20, 2));
  auto second = number(text.substr(23, 2));
  if (!day || month == kMonths.end() || !year || !hour || !minute || !second) return std::nullopt;
  std::chrono::year_month_day date(
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  auto time = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(*hour) +
              std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  return Timestamp{std::chrono::duration_cast<std::chrono::microseconds>(time).count()};
}

std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, Timestamp now) {
  if (auto seconds = number(text)) return std::chrono::seconds(*seconds);
  auto date = parse_http_date(text);
  if (!date) return std::nullopt;
  return std::max(std::chrono::ceil<std::chrono::seconds>(*date - now), std::chrono::seconds(0));
}

}  // namespace walkback::net
