// Whether a backup of which nothing is left was taken away by a prune, as the history tells it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/events.h"
#include "store/object_store.h"

namespace walkback::verify {

class RemovedBackups {
 public:
  // All events of the cluster. Looks in the repository which of its prunes were killed.
  static Result<RemovedBackups> of(const std::vector<catalog::Event>& events,
                                   store::ObjectStore& objects, const std::string& cluster,
                                   Clock& clock);
  // The same, with those that were killed found out.
  explicit RemovedBackups(const std::vector<catalog::Event>& events);

  // False only where it is known that no prune removed it, unless one was killed whose mark is
  // still there: what that removed is in its mark, and later in the event of the prune that takes
  // the mark away.
  bool may_include(const catalog::BackupSummary& backup) const;

 private:
  std::set<catalog::BackupId> listed_;
  bool one_runs_ = false;
  // What older programs' prunes removed is nowhere: the end of the last of them.
  std::optional<Timestamp> unlisted_until_;
};

}  // namespace walkback::verify
