#include "base/human.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>

#include "base/local_zone.h"

namespace walkback {

namespace {

constexpr int64_t kSecond_us = 1'000'000;

std::string local_format(Timestamp time, bool fraction) {
  int64_t second = time.unix_us / kSecond_us;
  int64_t rest = time.unix_us % kSecond_us;
  if (rest < 0) {
    rest += kSecond_us;
    --second;
  }
  time_t value = static_cast<time_t>(second);
  struct tm parts {};
  localtime_r(&value, &parts);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &parts);
  std::string digits;
  if (fraction && rest != 0) {
    digits = fmt::format(".{:06}", rest);
    while (digits.back() == '0') digits.pop_back();
  }
  return fmt::format("{}{} {}", date.data(), digits, zone_name(parts));
}

}  // namespace

std::string human_bytes(uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.96 KiB would read "1024.0 KiB".
  while (value >= 1023.95 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  if (unit == 0) return fmt::format("{} B", bytes);
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_count(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string human_duration(double seconds) {
  if (!(seconds > 0)) seconds = 0;
  if (seconds < 9.95) return fmt::format("{:.1f} s", seconds);
  uint64_t whole = static_cast<uint64_t>(std::min(std::round(seconds), 1e15));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
  return fmt::format("{} d {} h", whole / 86400, whole % 86400 / 3600);
}

std::string counted(uint64_t count, std::string_view singular) {
  return fmt::format("{} {}{}", human_count(count), singular, count == 1 ? "" : "s");
}

std::string local_time(Timestamp time) { return local_format(time, true); }
std::string local_second(Timestamp time) { return local_format(time, false); }

}  // namespace walkback
