// What retention promises: a hole in the WAL where it promises nothing is its own doing, and no
// loss.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "catalog/backup_summary.h"

namespace walkback::catalog {

// The rules in [retention] that keep WAL. Without any rule everything stays.
struct Promise {
  std::optional<std::chrono::seconds> window;
  int count = 0;           // all WAL since so many of the newest good backups
  bool thins_out = false;  // tiers keep backups without the WAL between them
};

// One with damaged pages is kept beside a good one, and never instead of one.
inline bool is_good(const BackupSummary& backup) { return backup.bad_pages == 0; }

// By so much clocks of hosts may differ. What is further ahead has not been: it was written by a
// host whose clock was wrong, and says nothing of when.
inline constexpr std::chrono::minutes kClocksDiffer{10};

inline bool is_dated_ahead(const BackupSummary& backup, Timestamp now) {
  return backup.stopped_at > now + kClocksDiffer;
}

// Since when every moment is promised; nothing: since the first backup. `backups` are in order. One
// that is dated ahead does not make it later than now.
std::optional<Timestamp> promised_since(const Promise& promise,
                                        const std::vector<BackupSummary>& backups, Timestamp now);

}  // namespace walkback::catalog
