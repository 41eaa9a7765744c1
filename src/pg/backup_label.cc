#include "pg/backup_label.h"

#include <fmt/format.h>

#include "base/whole_number.h"

namespace walkback::pg {
namespace {

Error bad(std::string_view what) {
  return make_error(ErrorKind::kInvalid, fmt::format("backup_label: {}", what));
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "0/2000028 (file 000000010000000000000002)"
Result<Lsn> read_location(std::string_view value, std::string& segment) {
  const size_t space = value.find(' ');
  if (space == std::string_view::npos) return bad(fmt::format("\"{}\" names no WAL file", value));
  const Lsn lsn = TRY_CONTEXT(Lsn::parse(value.substr(0, space)), "backup_label");
  std::string_view rest = value.substr(space);
  if (!take_prefix(rest, " (file ") || !rest.ends_with(')')) {
    return bad(fmt::format("\"{}\" names no WAL file", value));
  }
  rest.remove_suffix(1);
  if (wal_file_kind(rest) != WalFileKind::kSegment) {
    return bad(fmt::format("\"{}\" is not a WAL segment", rest));
  }
  segment = rest;
  return lsn;
}

Result<TimelineId> read_timeline(std::string_view value) {
  const uint32_t timeline = whole_number<uint32_t>(value).value_or(0);
  if (timeline == 0) return bad(fmt::format("\"{}\" is not a timeline", value));
  return TimelineId{timeline};
}

Result<void> read_line(std::string_view line, BackupLabel& label) {
  std::string segment;
  if (take_prefix(line, "START WAL LOCATION: ")) {
    label.start = TRY(read_location(line, label.start_segment));
  } else if (take_prefix(line, "STOP WAL LOCATION: ")) {
    label.stop = TRY(read_location(line, segment));
  } else if (take_prefix(line, "CHECKPOINT LOCATION: ")) {
    label.checkpoint = TRY_CONTEXT(Lsn::parse(line), "backup_label");
  } else if (take_prefix(line, "BACKUP FROM: ")) {
    label.from_standby = line == "standby";
  } else if (take_prefix(line, "START TIME: ")) {
    label.start_time = line;
  } else if (take_prefix(line, "LABEL: ")) {
    label.label = line;
  } else if (take_prefix(line, "START TIMELINE: ")) {
    label.timeline = TRY(read_timeline(line));
  } else if (line.starts_with("INCREMENTAL FROM ")) {
    label.incremental = true;
  }
  return success();
}

Result<void> check(const BackupLabel& label) {
  if (!label.start) return bad("START WAL LOCATION is missing");
  if (!label.checkpoint) return bad("CHECKPOINT LOCATION is missing");
  if (label.timeline.value == 0) return bad("START TIMELINE is missing");
  if (label.checkpoint < label.start) {
    return bad(fmt::format("the checkpoint {} is before the start {}", label.checkpoint.text(),
                           label.start.text()));
  }
  if (!label.start_segment.starts_with(fmt::format("{:08X}", label.timeline.value))) {
    return bad(fmt::format("WAL file {} is not on timeline {}", label.start_segment,
                           label.timeline.value));
  }
  return success();
}

}  // namespace

Result<BackupLabel> parse_backup_label(std::string_view text) {
  BackupLabel label;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    TRY(read_line(text.substr(0, end), label));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  TRY(check(label));
  return label;
}

}  // namespace walkback::pg
