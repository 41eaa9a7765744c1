// What is kept and why: a pure decision, the same for `prune`, its dry run and whoever shows it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "catalog/backup_summary.h"
#include "catalog/pins.h"
#include "pg/timeline_history.h"
#include "pg/types.h"

namespace walkback::retention {

// Each rule keeps what it names; a backup goes when none does. With no rule nothing goes.
struct Policy {
  // Any moment of the last so long can be recovered.
  std::optional<std::chrono::seconds> window;
  int count = 0;  // of the newest backups, and all WAL since the oldest of them
  // One backup for each of the newest so many hours, days, … that have one, the newest in it. They
  // stand alone: of the WAL only what makes them consistent is kept for them.
  int hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;

  bool keeps_everything() const {
    return !window && count == 0 && hourly + daily + weekly + monthly + yearly == 0;
  }
};

// Which tiers keep nothing that the window does not, as long as each of their hours, days, … has a
// backup: "daily = 7" beside a window of 14 days.
std::vector<std::string> tiers_within_window(const Policy& policy);

struct TimelineFacts {
  pg::TimelineHistory history;
  // The last moment it is known to have been written to; nothing: not known, perhaps now.
  std::optional<Timestamp> last_known;
};

// Of one lineage.
struct Facts {
  uint32_t segment_bytes = 0;
  bool is_current = true;  // not one that pg_upgrade or a new initdb left behind
  std::vector<catalog::BackupSummary> backups;  // in any order
  std::vector<TimelineFacts> timelines;         // by number: the last is the current one
  // Of some timeline it is not known where it comes from: no WAL goes.
  bool history_missing = false;
  std::map<catalog::BackupId, catalog::Pin> pins;
  std::map<catalog::BackupId, std::string> leased;  // to whom
  // From which nothing can be recovered as they are, and why. They take no other's place, and stay
  // where a rule would keep them if they were whole. Where no backup is sound none goes.
  std::map<catalog::BackupId, std::string> unsound;
};

struct Decision {
  catalog::BackupSummary backup;
  std::vector<std::string> reasons;  // to keep it; none: it goes
  std::vector<std::string> remarks;  // why it does not count, or not by its date
  // When it ended, as far as that can be believed: its date, or where that is yet to come what the
  // backups after it say.
  Timestamp at;
  bool ahead = false;  // its date is yet to come, and nothing says when it was
  // All WAL from its start on stays, along every timeline that leads on from it.
  bool with_wal = false;
  // Without it a rule would keep another one, of those that go.
  bool relied_on = false;
  bool keep() const { return !reasons.empty(); }
};

// WAL that stays: what leads to `timeline` from `from` on, or, with `to`, only that stretch.
struct WalNeed {
  pg::TimelineHistory timeline;
  pg::Lsn from;
  std::optional<pg::Lsn> to;
  bool needs(pg::SegmentName segment, uint32_t segment_bytes) const;
};

struct Plan {
  std::vector<Decision> decisions;  // oldest first, by `at`
  bool keeps_all_wal = false;
  std::vector<WalNeed> wal;
  uint32_t segment_bytes = 0;
  bool needs(pg::SegmentName segment) const;
};

// `now` is a moment that the cluster is known to have reached: see PruneOptions.
Plan plan(const Policy& policy, const Facts& facts, Timestamp now);

}  // namespace walkback::retention
