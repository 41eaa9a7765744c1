#include "pg/types.h"

#include <fmt/format.h>

#include <bit>
#include <limits>

#include "base/whole_number.h"

namespace walkback::pg {
namespace {

constexpr int64_t kUnixToPostgresEpochUs = 946'684'800LL * 1'000'000;
constexpr uint64_t kBytesPerLog = uint64_t{1} << 32;  // a "log" is 4 GiB: XLogSegmentsPerXLogId
constexpr size_t kSegmentNameLength = 24;

bool is_upper_hex(std::string_view text) {
  return text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// All of `text`, one to eight hexadecimal digits of either case.
bool read_hex(std::string_view text, uint32_t& value) {
  if (text.empty() || text.size() > 8) return false;
  const auto read = whole_number<uint32_t>(text, 16);
  value = read.value_or(0);
  return read.has_value();
}

}  // namespace

std::string Lsn::text() const {
  return fmt::format("{:X}/{:X}", static_cast<uint32_t>(value >> 32), static_cast<uint32_t>(value));
}

Result<Lsn> Lsn::parse(std::string_view text) {
  uint32_t high = 0;
  uint32_t low = 0;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos || !read_hex(text.substr(0, slash), high) ||
      !read_hex(text.substr(slash + 1), low)) {
    return make_error(ErrorKind::kInvalid, fmt::format("\"{}\" is not an LSN", text),
                      "an LSN is two hexadecimal numbers, as in 0/3000028");
  }
  return Lsn{uint64_t{high} << 32 | low};
}

FullXid widen(Xid xid, FullXid near) {
  const auto distance = static_cast<int32_t>(xid - near.xid());
  const auto wide = static_cast<int64_t>(near.value) + distance;
  return {wide < 0 ? xid : static_cast<uint64_t>(wide)};
}

Timestamp from_pg_timestamp(int64_t pg_us) {
  int64_t unix_us = 0;
  if (__builtin_add_overflow(pg_us, kUnixToPostgresEpochUs, &unix_us)) {
    unix_us = std::numeric_limits<int64_t>::max();
  }
  return {unix_us};
}

bool is_wal_segment_size(uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= (1u << 20) && bytes <= (1u << 30);
}

std::string SegmentName::text(uint32_t segment_bytes) const {
  CHECK(is_wal_segment_size(segment_bytes));
  const uint64_t per_log = kBytesPerLog / segment_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", timeline.value, number / per_log, number % per_log);
}

Result<SegmentName> SegmentName::parse(std::string_view text, uint32_t segment_bytes) {
  if (!is_wal_segment_size(segment_bytes)) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is not a WAL segment size", segment_bytes));
  }
  uint32_t timeline = 0;
  uint32_t log = 0;
  uint32_t segment = 0;
  const uint64_t per_log = kBytesPerLog / segment_bytes;
  const bool readable = text.size() == kSegmentNameLength && is_upper_hex(text) &&
                        read_hex(text.substr(0, 8), timeline) && read_hex(text.substr(8, 8), log) &&
                        read_hex(text.substr(16), segment);
  if (!readable || timeline == 0 || segment >= per_log) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("\"{}\" is not the name of a WAL segment of {} MiB", text,
                                  segment_bytes >> 20));
  }
  return SegmentName{{timeline}, log * per_log + segment};
}

WalFileKind wal_file_kind(std::string_view name) {
  const auto digits_then = [name](size_t digits, std::string_view suffix) {
    return name.size() == digits + suffix.size() && is_upper_hex(name.substr(0, digits)) &&
           name.ends_with(suffix);
  };
  if (digits_then(kSegmentNameLength, "")) return WalFileKind::kSegment;
  if (digits_then(kSegmentNameLength, ".partial")) return WalFileKind::kPartialSegment;
  if (digits_then(8, ".history")) return WalFileKind::kHistory;
  // "SEGMENT.OFFSET.backup": the offset is eight digits.
  if (name.size() == kSegmentNameLength + 16 && name[kSegmentNameLength] == '.' &&
      is_upper_hex(name.substr(0, kSegmentNameLength)) &&
      is_upper_hex(name.substr(kSegmentNameLength + 1, 8)) && name.ends_with(".backup")) {
    return WalFileKind::kBackupHistory;
  }
  return WalFileKind::kOther;
}

}  // namespace walkback::pg
