#include "pg/timeline_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace walkback::pg {
namespace {

constexpr std::string_view kSpaces = " \t\r\f\v";

std::string_view skip_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(kSpaces), text.size()));
}

// Up to the next space; moves `text` behind it.
std::string_view take_word(std::string_view& text) {
  text = skip_spaces(text);
  const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
  text.remove_prefix(word.size());
  return word;
}

Error bad_line(std::string_view line) {
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("timeline history: \"{}\" is not a timeline, an LSN and a reason", line));
}

Result<TimelineSwitch> read_switch(std::string_view line) {
  std::string_view rest = line;
  TimelineSwitch entry;
  const std::string_view timeline = take_word(rest);
  const auto [end, error] =
      std::from_chars(timeline.data(), timeline.data() + timeline.size(), entry.parent.value);
  if (error != std::errc() || end != timeline.data() + timeline.size() || entry.parent.value == 0) {
    return bad_line(line);
  }
  const auto lsn = Lsn::parse(take_word(rest));
  if (!lsn.ok()) return bad_line(line);
  entry.at = *lsn;
  entry.reason = skip_spaces(rest);
  return entry;
}

bool is_blank_or_comment(std::string_view line) {
  line = skip_spaces(line);
  return line.empty() || line.front() == '#';
}

}  // namespace

Result<TimelineHistory> TimelineHistory::parse(TimelineId timeline, std::string_view text) {
  TimelineHistory history(timeline);
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (is_blank_or_comment(line)) continue;
    TimelineSwitch entry = TRY(read_switch(line));
    const bool grows = history.switches_.empty() || history.switches_.back().parent < entry.parent;
    if (!grows || entry.parent >= timeline) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("timeline history of {}: timeline {} is out of order",
                                    timeline.value, entry.parent.value));
    }
    // Left before its parents' own ends: what they have beyond is not of this history.
    for (TimelineSwitch& earlier : history.switches_) earlier.at = std::min(earlier.at, entry.at);
    history.switches_.push_back(std::move(entry));
  }
  return history;
}

std::string TimelineHistory::text() const {
  std::string text;
  for (const TimelineSwitch& entry : switches_) {
    // The blank line between entries comes from each child copying its parent's file.
    if (!text.empty()) text += '\n';
    text += fmt::format("{}\t{}\t{}\n", entry.parent.value, entry.at.text(), entry.reason);
  }
  return text;
}

bool TimelineHistory::contains(TimelineId timeline) const { return begin_of(timeline).has_value(); }

TimelineId TimelineHistory::timeline_of(Lsn lsn) const {
  for (const TimelineSwitch& entry : switches_) {
    if (lsn < entry.at) return entry.parent;
  }
  return timeline_;
}

std::optional<Lsn> TimelineHistory::end_of(TimelineId timeline) const {
  const auto entry = std::ranges::find(switches_, timeline, &TimelineSwitch::parent);
  if (entry == switches_.end()) return std::nullopt;
  return entry->at;
}

std::optional<Lsn> TimelineHistory::begin_of(TimelineId timeline) const {
  Lsn begin;
  for (const TimelineSwitch& entry : switches_) {
    if (entry.parent == timeline) return begin;
    begin = entry.at;
  }
  if (timeline == timeline_) return begin;
  return std::nullopt;
}

std::string history_file_name(TimelineId timeline) {
  return fmt::format("{:08X}.history", timeline.value);
}

Result<TimelineId> parse_history_file_name(std::string_view name) {
  uint32_t timeline = 0;
  if (wal_file_kind(name) == WalFileKind::kHistory) {
    std::from_chars(name.data(), name.data() + 8, timeline, 16);
  }
  if (timeline == 0) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("\"{}\" is not the name of a timeline history file", name));
  }
  return TimelineId{timeline};
}

}  // namespace walkback::pg
