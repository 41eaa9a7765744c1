// From where on a figure is a warning. Of those that are a length of time nothing means: no such
// rule.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "catalog/promise.h"

namespace walkback::health {

using Span = std::optional<std::chrono::seconds>;

struct Limits {
  Span backup_age = std::chrono::hours(25);
  Span wal_lag = std::chrono::minutes(10);
  Span disk_time_left = std::chrono::hours(24);
  uint64_t slot_wal_bytes = uint64_t{1} << 30;
  Span verify_age = std::chrono::hours(8 * 24);
  Span drill_age = std::chrono::hours(35 * 24);
  Span recovery_time_objective;
  uint64_t mass_delete_rows = 100'000;  // 0: no such rule
  Span repository_time_left = std::chrono::hours(3 * 24);
  Span clock_skew = std::chrono::seconds(5);

  // What retention promises, for a gap matters only there.
  catalog::Promise promise;
};

// How much worse a figure must be to be critical.
//
// Two backups in a row were missed, not one: what a night's restart does the next night mends.
inline constexpr int kCriticalBackupAge = 2;
// Ten minutes are ten times the archive_timeout that `init` sets. An hour of commits is what
// somebody must be woken for.
inline constexpr int kCriticalWalLag = 6;
// A day is enough to act in working hours, four hours to be woken.
inline constexpr int kCriticalDiskTime = 6;
inline constexpr int kCriticalRepositoryTime = 3;
// A disk that has no room for so many has no time left, whatever the rate: PostgreSQL stops when it
// cannot write the next segment, archiving when it cannot store it.
inline constexpr uint64_t kSegmentsToTheEnd = 10;
// At the default five minutes: S3 refuses requests from fifteen on.
inline constexpr int kCriticalClockSkew = 60;

}  // namespace walkback::health
