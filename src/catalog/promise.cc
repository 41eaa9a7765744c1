#include "catalog/promise.h"

#include <algorithm>

namespace walkback::catalog {

std::optional<Timestamp> promised_since(const Promise& promise,
                                        const std::vector<BackupSummary>& backups, Timestamp now) {
  if (!promise.window && promise.count == 0 && !promise.thins_out) return std::nullopt;
  // Whatever the rules are, the WAL after the last good backup stays.
  const auto newest = std::find_if(backups.rbegin(), backups.rend(), is_good);
  Timestamp since = newest != backups.rend() ? std::min(newest->stopped_at, now) : now;
  if (promise.window) since = std::min(since, now + -*promise.window);
  int left = promise.count;
  for (auto backup = newest; left > 0 && backup != backups.rend(); ++backup) {
    if (!is_good(*backup)) continue;
    --left;
    since = std::min(since, backup->stopped_at);
  }
  return since;
}

}  // namespace walkback::catalog
