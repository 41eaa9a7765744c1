// Why a target cannot be reached, and what can be reached instead. Pure: from what a search found,
// the two lines that the user reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/recovery_windows.h"
#include "pg/timeline_history.h"
#include "restore/plan.h"

namespace walkback::restore {

// Segments that the archive does not hold, by the names they would have.
struct MissingWal {
  pg::Lsn from;
  pg::Lsn to;  // behind the last byte missing
  std::string first_file;
  std::string last_file;
};

// What is known of a target that no backup reaches.
struct Unreached {
  RecoveryTarget target;
  std::optional<Timestamp> now;
  pg::TimelineId timeline;                 // where it was looked for
  bool current = true;                     // that is the newest
  std::optional<pg::TimelineSwitch> left;  // from which it came, when it has no WAL of its own
  std::vector<catalog::RecoveryWindow> windows;  // of this timeline, oldest first
  std::vector<MissingWal> missing;

  std::optional<PlanRecord> last_timed;    // the last commit, abort or restore point
  std::optional<PlanRecord> rolled_back;   // the target's transaction
  std::optional<PlanRecord> too_early;     // the target's record: there, but before a backup's end
  std::vector<PlanRecord> restore_points;  // the nearest to the name that was given
  std::string incomplete;                  // a backup that lacks WAL: what and which
  // What ends the reading before the WAL does, such as a damaged segment.
  std::optional<Error> problem;
  std::optional<pg::Lsn> readable_to;  // without a hole or damage, from the newest backup

  std::vector<pg::TimelineId> held_by;  // other timelines on which the target can be reached
};

std::string describe(const RecoveryTarget& target);
// "WAL segments 00000002000000000000000E to 000000020000000000000010 are missing"
std::string describe(const MissingWal& missing);

Error refuse(const Unreached& why);

// For "latest", when the newest timeline has a history and no WAL while another goes on.
Error undecided(pg::TimelineId newest, const pg::TimelineSwitch& left,
                const std::vector<OtherTimeline>& others);

}  // namespace walkback::restore
