// Which stretches of the past can be recovered, and where a hole is.
#pragma once

#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/wal_archive.h"
#include "pg/types.h"

namespace walkback::catalog {

struct RecoveryWindow {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;  // the first backup's stop
  pg::Lsn to_lsn;    // the end of the last record in a row
  Timestamp from;
  Timestamp to;  // of the last commit
};

struct WalGap {
  pg::SystemIdentifier system_identifier;
  pg::TimelineId timeline;
  pg::Lsn from_lsn;               // the first byte missing
  pg::Lsn to_lsn;                 // the first byte there again
  std::optional<Timestamp> from;  // the last commit before
  std::optional<Timestamp> to;    // the first commit after
};

struct LineageWindows {
  std::vector<RecoveryWindow> windows;
  std::vector<WalGap> gaps;
};

// For each timeline with WAL of its own: from the earliest backup in each stretch without a hole to
// the stretch's end. Reads the segments at the edges, for their times.
Result<LineageWindows> find_windows(const WalArchive& archive,
                                    const std::vector<BackupSummary>& backups);

// Whether `timeline`'s history passes through the backup: it began and ended on one of its
// ancestors' stretches.
bool lies_on(const BackupSummary& backup, const pg::TimelineHistory& history);

}  // namespace walkback::catalog
