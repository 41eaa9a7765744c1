#include "retention/coverage.h"

#include <algorithm>

#include "catalog/promise.h"

namespace walkback::retention {

namespace {

using catalog::BackupSummary;
using catalog::RecoveryWindow;

bool lies_in(const BackupSummary& backup, const RecoveryWindow& window) {
  return backup.system_identifier == window.system_identifier &&
         backup.timeline <= window.timeline && backup.stop_lsn >= window.from_lsn &&
         backup.stop_lsn <= window.to_lsn;
}

std::optional<Timestamp> known_begin(const RecoveryWindow& window,
                                     const std::vector<BackupSummary>& backups, Timestamp now) {
  if (window.from <= now + catalog::kClocksDiffer) return window.from;
  const BackupSummary* first = nullptr;
  for (const BackupSummary& backup : backups) {
    if (!lies_in(backup, window) || catalog::is_dated_ahead(backup, now)) continue;
    if (first == nullptr || backup.stop_lsn < first->stop_lsn) first = &backup;
  }
  if (first == nullptr) return std::nullopt;
  return first->stopped_at;
}

}  // namespace

std::optional<Coverage> coverage(std::chrono::seconds window,
                                 const std::vector<RecoveryWindow>& there,
                                 const std::vector<BackupSummary>& backups, Timestamp now) {
  std::optional<Coverage> found;
  for (const RecoveryWindow& one : there) {
    const std::optional<Timestamp> since = known_begin(one, backups, now);
    if (!since) continue;
    const Timestamp until = std::max(*since, std::min(one.to, now));
    if (!found || until > found->until) found = Coverage{*since, until, *since + window};
  }
  return found;
}

}  // namespace walkback::retention
