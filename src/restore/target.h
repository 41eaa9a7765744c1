// What the user asks to recover to, before anything is known about the archive.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::restore {

enum class TargetKind { kTime, kXid, kBeforeXid, kLsn, kName, kLatest, kImmediate };
// "time", "xid", "before_xid", "lsn", "name", "latest", "immediate": part of the JSON contract.
std::string_view target_kind_name(TargetKind kind);

struct RecoveryTarget {
  TargetKind kind = TargetKind::kLatest;
  Timestamp time;    // kTime
  uint64_t xid = 0;  // kXid, kBeforeXid: 32 bits as users read it in logs, or with the epoch
  pg::Lsn lsn;       // kLsn
  std::string name;  // kName: a restore point
};

// The forms read: ISO 8601 ("2026-11-22T15:46:59.5Z", with any offset), "2026-11-22
// 15:46[:59[.123456]]" with or without a zone ("+02", "+02:00", "UTC", "Z"), a clock time of today
// ("15:46[:59]"), and "10 minutes ago" (seconds, minutes, hours, days, weeks; also "10min ago").
// Without a zone it is `local`: the host's (TZ). A local time that a clock change makes ambiguous
// or skips is refused with both readings.
Result<Timestamp> parse_target_time(std::string_view text, Timestamp now);

// A bound of a window of time: also "now", and a date alone, which is the moment at which that day
// began.
Result<Timestamp> parse_window_time(std::string_view text, Timestamp now);

// "2026-11-22 15:46:59.5 CET (2026-11-22 14:46:59.5 UTC)": times are always shown back with their
// zone.
std::string show_time(Timestamp time);

}  // namespace walkback::restore
