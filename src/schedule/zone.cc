#include "schedule/zone.h"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <limits>

#include "schedule/posix_rule.h"

namespace walkback::schedule {

namespace {

constexpr std::string_view kDirectory = "/usr/share/zoneinfo";
constexpr uint64_t kLargestFile = 1 << 20;
constexpr UtcSeconds kAlways = std::numeric_limits<UtcSeconds>::min();
constexpr UtcSeconds kForEver = std::numeric_limits<UtcSeconds>::max();
// Beyond what any clock is from UTC (RFC 8536 allows 26 hours).
constexpr int64_t kFarthest_s = 26 * 3600;
// A rule is followed for as long as the calendar takes to come round.
constexpr int kRuleYears = 400;
constexpr int64_t kDay_s = 86400;

Error corrupt(std::string_view name) {
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("the system's file of the time zone \"{}\" is damaged", name),
                    "install the package tzdata again");
}

// "Europe/Berlin", and no way out of the directory.
bool is_zone_name(std::string_view name) {
  auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name[0] != '/' && std::all_of(name.begin(), name.end(), allowed);
}

int year_of(UtcSeconds time) {
  // Some files begin with the beginning of the universe.
  constexpr UtcSeconds kYears = int64_t{8000} * 366 * kDay_s;
  const auto days = static_cast<int>(std::clamp(time, -kYears, kYears) / kDay_s);
  const date::sys_days day{date::days(days)};
  return int(date::year_month_day(day).year());
}

}  // namespace

// Reads a TZif file; every read is within it.
class ZoneReader {
 public:
  ZoneReader(std::string_view name, ByteView file) : name_(name), file_(file) {}

  Result<Zone> read() {
    const Header first = TRY(header());
    TRY(skip(first.block_bytes(4)));
    const Header second = TRY(header());
    if (second.leaps != 0 || second.types == 0) return corrupt(name_);
    Zone::Spans spans = TRY(block(second));
    TRY(footer(spans));
    return Zone(std::string(name_), std::move(spans));
  }

 private:
  struct Header {
    uint64_t is_utc = 0, is_standard = 0, leaps = 0, times = 0, types = 0, letters = 0;
    uint64_t block_bytes(uint64_t time_bytes) const {
      return times * time_bytes + times + types * 6 + letters + leaps * (time_bytes + 4) +
             is_standard + is_utc;
    }
  };

  Result<ByteView> take(uint64_t count) {
    if (count > file_.size()) return corrupt(name_);
    const ByteView taken = file_.first(count);
    file_ = file_.subspan(count);
    return taken;
  }
  Result<void> skip(uint64_t count) {
    TRY(take(count));
    return success();
  }
  static uint64_t big_endian(ByteView bytes) {
    uint64_t value = 0;
    for (const std::byte b : bytes) value = value << 8 | std::to_integer<uint64_t>(b);
    return value;
  }

  Result<Header> header() {
    constexpr uint64_t kReserved = 15;
    const ByteView magic = TRY(take(5));
    if (as_text(magic.first(4)) != "TZif" || magic[4] < std::byte{'2'}) return corrupt(name_);
    TRY(skip(kReserved));
    Header header;
    for (uint64_t* count : {&header.is_utc, &header.is_standard, &header.leaps, &header.times,
                            &header.types, &header.letters}) {
      *count = big_endian(TRY(take(4)));
    }
    return header;
  }

  Result<Zone::Spans> block(const Header& header) {
    const ByteView times = TRY(take(header.times * 8));
    const ByteView indexes = TRY(take(header.times));
    const ByteView types = TRY(take(header.types * 6));
    TRY(skip(header.letters + header.is_standard + header.is_utc));
    auto offset = [&](uint64_t type) {
      return int64_t{static_cast<int32_t>(big_endian(types.subspan(type * 6, 4)))};
    };
    Zone::Spans spans{{kAlways, offset(0)}};
    for (uint64_t i = 0; i < header.times; ++i) {
      const auto begin = static_cast<UtcSeconds>(big_endian(times.subspan(i * 8, 8)));
      const auto type = std::to_integer<uint64_t>(indexes[i]);
      if (type >= header.types || (i > 0 && begin <= spans.back().begin)) return corrupt(name_);
      if (std::abs(offset(type)) > kFarthest_s) return corrupt(name_);
      // Some write a first transition before all times.
      if (begin == kAlways) spans.clear();
      spans.push_back({begin, offset(type)});
    }
    return spans;
  }

  Result<void> footer(Zone::Spans& spans) {
    std::string_view text = as_text(file_);
    if (text.size() < 2 || text.front() != '\n' || text.back() != '\n') return corrupt(name_);
    text = text.substr(1, text.size() - 2);
    if (text.empty()) return success();
    const bool changed = spans.back().begin != kAlways;
    const int from = changed ? year_of(spans.back().begin) : 1970;
    const auto transitions = expand_posix_rule(text, from, from + kRuleYears);
    if (!transitions) return corrupt(name_);
    for (const RuleTransition& transition : *transitions) {
      if (transition.at > spans.back().begin && transition.offset_s != spans.back().offset_s) {
        spans.push_back({transition.at, transition.offset_s});
      }
    }
    return success();
  }

  const std::string_view name_;
  ByteView file_;
};

Result<Zone> Zone::parse(std::string_view name, ByteView file) {
  return ZoneReader(name, file).read();
}

Result<Zone> Zone::find(FileSystem& files, std::string_view name) {
  const auto unknown = [&] {
    return make_error(ErrorKind::kInvalid, fmt::format("there is no time zone \"{}\"", name),
                      "a name such as \"Europe/Berlin\" or \"UTC\"; `timedatectl list-timezones` "
                      "shows all");
  };
  if (!is_zone_name(name)) return unknown();
  if (!TRY(files.status(std::string(kDirectory)))) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("this system has no time zones in {}", kDirectory),
                      "install the package tzdata");
  }
  const std::string path = fmt::format("{}/{}", kDirectory, name);
  const auto info = TRY(files.status(path));
  if (!info || info->type != FileType::kRegular) return unknown();
  const Bytes file = TRY(read_file(files, path, kLargestFile));
  if (!as_text(file).starts_with("TZif")) return unknown();
  return parse(name, file);
}

size_t Zone::span_at(UtcSeconds time) const {
  const auto after =
      std::upper_bound(spans_->begin(), spans_->end(), time,
                       [](UtcSeconds t, const Span& span) { return t < span.begin; });
  return static_cast<size_t>(after - spans_->begin()) - 1;
}

UtcSeconds Zone::end_of(size_t span) const {
  return span + 1 < spans_->size() ? (*spans_)[span + 1].begin : kForEver;
}

int64_t Zone::offset_at(UtcSeconds time) const { return (*spans_)[span_at(time)].offset_s; }

std::optional<int64_t> Zone::steady_offset(UtcSeconds from, UtcSeconds to) const {
  const size_t span = span_at(from);
  if (end_of(span) < to) return std::nullopt;
  return (*spans_)[span].offset_s;
}

Zone::Instants Zone::instants_of(LocalSeconds local) const {
  Instants found;
  const size_t last = span_at(local + kFarthest_s);
  for (size_t i = span_at(local - kFarthest_s); i <= last; ++i) {
    const UtcSeconds time = local - (*spans_)[i].offset_s;
    if (time >= (*spans_)[i].begin && time < end_of(i)) found.at.push_back(time);
    // Beyond the end of this span and before the beginning of the next: clocks jumped over it.
    const bool beyond = time >= end_of(i);
    if (beyond && i < last && local - (*spans_)[i + 1].offset_s < end_of(i)) {
      found.gap_end = end_of(i);
    }
  }
  return found;
}

}  // namespace walkback::schedule
