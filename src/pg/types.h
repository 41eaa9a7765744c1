// PostgreSQL's words as types. Two meanings of one integer are two types.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace walkback::pg {

// A position in the write-ahead log, in bytes (src/include/access/xlogdefs.h, XLogRecPtr). 0 is
// invalid.
struct Lsn {
  uint64_t value = 0;
  auto operator<=>(const Lsn&) const = default;
  explicit operator bool() const { return value != 0; }
  // As PostgreSQL prints it: "A/FE000028".
  std::string text() const;
  static Result<Lsn> parse(std::string_view text);
};
inline Lsn operator+(Lsn lsn, uint64_t bytes) { return {lsn.value + bytes}; }
inline uint64_t operator-(Lsn a, Lsn b) { return a.value - b.value; }

// A history of the cluster; promotion begins a new one. 1 is the first.
struct TimelineId {
  uint32_t value = 0;
  auto operator<=>(const TimelineId&) const = default;
};

using Oid = uint32_t;
// Below are those that initdb gives out: PostgreSQL's own (FirstNormalObjectId,
// src/include/access/transam.h).
inline constexpr Oid kFirstUserOid = 16384;
using Xid = uint32_t;  // as in WAL and on pages: 32 bits, wraps around

// 64 bits: epoch and xid, as pg_current_xact_id() prints it.
struct FullXid {
  uint64_t value = 0;
  auto operator<=>(const FullXid&) const = default;
  Xid xid() const { return static_cast<Xid>(value); }
};

// The full xid whose low half is `xid` and that is nearest to `near`: xids in use at one time span
// less than half of the 32-bit range. Never before the first epoch.
FullXid widen(Xid xid, FullXid near);

// From pg_control; equal in every copy of a cluster, different between clusters.
struct SystemIdentifier {
  uint64_t value = 0;
  auto operator<=>(const SystemIdentifier&) const = default;
};

// PostgreSQL's TimestampTz (microseconds since 2000-01-01 00:00:00 UTC) as ours. A value beyond our
// range, such as a damaged record's, becomes the nearest one within it.
Timestamp from_pg_timestamp(int64_t pg_us);

// A power of two from 1 MiB to 1 GiB (src/include/access/xlog_internal.h, IsValidWalSegSize).
bool is_wal_segment_size(uint64_t bytes);

// Which segment of the log: its number counts segments since LSN 0.
// Sizes are powers of two from 1 MiB to 1 GiB (initdb --wal-segsize); text() and parse() want one.
struct SegmentName {
  TimelineId timeline;
  uint64_t number = 0;
  auto operator<=>(const SegmentName&) const = default;
  // "000000010000000A000000FE"; the split into log and segment depends on the segment size.
  std::string text(uint32_t segment_bytes) const;
  static Result<SegmentName> parse(std::string_view text, uint32_t segment_bytes);
  Lsn start(uint32_t segment_bytes) const { return {number * segment_bytes}; }
  static SegmentName of(TimelineId timeline, Lsn lsn, uint32_t segment_bytes) {
    return {timeline, lsn.value / segment_bytes};
  }
};

// What a file name handed to archive_command or restore_command is.
enum class WalFileKind { kSegment, kPartialSegment, kHistory, kBackupHistory, kOther };
// "0000000100000000000000FE", "….partial", "00000002.history",
// "0000000100000000000000FE.00000028.backup".
WalFileKind wal_file_kind(std::string_view name);

}  // namespace walkback::pg
