#include "verify/removed_backups.h"

#include <algorithm>
#include <iterator>

namespace walkback::verify {

namespace {

// Hosts' clocks differ by less.
constexpr std::chrono::hours kClocksDiffer{24};

}  // namespace

Result<RemovedBackups> RemovedBackups::of(const std::vector<catalog::Event>& events,
                                          store::ObjectStore& objects, const std::string& cluster,
                                          Clock& clock) {
  std::vector<catalog::Event> prunes;
  std::ranges::copy_if(events, std::back_inserter(prunes),
                       [](const catalog::Event& event) { return event.kind == "prune"; });
  const Result<void> found = catalog::find_killed(objects, cluster, clock, prunes);
  // With a lease that cannot be read one may still run.
  if (!found.ok() && !catalog::is_unreadable(found.error())) return found.error();
  return RemovedBackups(prunes);
}

RemovedBackups::RemovedBackups(const std::vector<catalog::Event>& events) {
  for (const catalog::Event& event : events) {
    if (event.kind != "prune") continue;
    if (!event.removed) {
      const Timestamp end = event.ended_at.value_or(Timestamp{INT64_MAX});
      unlisted_until_ = std::max(unlisted_until_.value_or(end), end);
    } else if (!event.ended_at) {
      one_runs_ |= !event.killed;
    } else {
      listed_.insert(event.removed->begin(), event.removed->end());
    }
  }
}

bool RemovedBackups::may_include(const catalog::BackupSummary& backup) const {
  if (one_runs_ || listed_.contains(backup.id)) return true;
  // It may be any backup that was there.
  return unlisted_until_ &&
         backup.started_at.unix_us - std::chrono::microseconds(kClocksDiffer).count() <=
             unlisted_until_->unix_us;
}

}  // namespace walkback::verify
