// Which stretches of the past can be recovered, and where a hole is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "pg/types.h"
#include "wal/timed_event.h"

namespace walkback::catalog {

// Of a stretch of WAL: up to which moment nothing can lie between that is not in it. Fed with its
// events, in order.
class KnownTime {
 public:
  void see(const wal::TimedEvent& event);
  std::optional<Timestamp> last_commit() const { return last_commit_; }
  std::optional<Timestamp> until() const;

 private:
  std::optional<Timestamp> last_commit_;
  std::optional<Timestamp> latest_;  // of what a time stops before: commits, aborts, restore points
  std::optional<Timestamp> proof_;   // of a later record that is none of those
};

// What the last segments of a stretch say.
Result<KnownTime> known_at_end(const WalArchive& archive, const WalChain& chain,
                               const WalChain::Stretch& stretch);

struct RecoveryWindow {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;  // the first backup's stop
  pg::Lsn to_lsn;    // the end of the last record in a row
  Timestamp from;
  // Every earlier moment is proved: the time of the last commit, abort or restore point, or of a
  // checkpoint after it.
  Timestamp to;
  // No private key at hand opens the WAL: `to` is what the backups prove, `to_lsn` where the last
  // segment ends.
  bool wal_unread = false;
};

struct WalGap {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;               // the first byte missing, or of no use
  pg::Lsn to_lsn;                 // the first byte there again
  std::optional<Timestamp> from;  // the last commit before
  std::optional<Timestamp> to;    // the first commit after
  std::string reason;             // why it is of no use; empty where it is missing
};

struct TimelineWindows {
  std::vector<RecoveryWindow> windows;  // oldest first
  std::vector<WalGap> gaps;
};

enum class Stretches {
  kAll,  // that lead to the timeline, its parents' included
  kOwn,  // that reach its own beginning: what lies before it is shown with its parent
};
// From the earliest backup in each stretch without a hole to the stretch's end, or to where it was
// written with wal_level=minimal, and from the earliest backup after that. Reads what is at the
// edges, for their times, segments in which settings change, and those that have no index: damage
// behind an index is not seen, and `plan` refuses what needs such WAL.
Result<TimelineWindows> find_windows_on(const WalArchive& archive, const WalChain& chain,
                                        const std::vector<BackupSummary>& backups, Stretches which);

// A history of the cluster, as the archive knows it.
struct KnownTimeline {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  std::optional<pg::TimelineSwitch> left;  // its parent; nothing for the first
  bool history_missing = false;            // then what leads to it is not known
  bool has_wal = false;                    // of its own
  // The newest: what a target means unless a timeline is asked for.
  bool current = false;
};

struct LineageWindows {
  std::vector<RecoveryWindow> windows;
  std::vector<WalGap> gaps;
  std::vector<KnownTimeline> timelines;  // oldest first
};

// Of every timeline.
Result<LineageWindows> find_windows(const WalArchive& archive,
                                    const std::vector<BackupSummary>& backups);

// Whether `timeline`'s history passes through the backup: it began and ended on one of its
// ancestors' stretches.
bool lies_on(const BackupSummary& backup, const pg::TimelineHistory& history);

}  // namespace walkback::catalog
