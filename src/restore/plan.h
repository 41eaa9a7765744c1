// What a recovery would do, proved from the archive before a byte is copied. Promise 4.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/unreadable.h"
#include "pg/types.h"
#include "restore/target.h"
#include "restore/target_directory.h"
#include "store/object_store.h"

namespace walkback::restore {

struct PlanOptions {
  std::string cluster;
  RecoveryTarget target;
  // --timeline; default: the newest. No other is ever taken instead: the same xid, time or LSN
  // means something else there.
  std::optional<pg::TimelineId> timeline;
  std::optional<pg::SystemIdentifier> lineage;  // default: the newest
  std::optional<Timestamp> now;                 // to tell a time that is not yet
  // Is told of each damaged backup that was passed over for an older one, whether or not there is a
  // plan in the end.
  catalog::OnUnreadable unreadable;
  // For a target that is a record: it is looked for in the WAL's indexes, and the WAL itself is not
  // read. That its segments are what they were is then for the replay to find out: for who replays
  // at once.
  bool by_indexes = false;
};

// A record of the WAL worth showing beside the target.
struct PlanRecord {
  // "commit", "abort", "commit prepared", "rollback prepared", "restore point 'NAME'"
  std::string what;
  pg::Lsn lsn;  // its start
  std::optional<Timestamp> time;
  std::optional<uint64_t> xid;  // 64 bits
};

// A timeline with commits that the planned one has not: both come from one history.
struct OtherTimeline {
  pg::TimelineId timeline;
  pg::Lsn parts_at;                // up to here both are the same
  Timestamp first_commit;          // of its own, after that
  std::optional<Timestamp> until;  // as in RecoveryWindow::to
};

struct RecoveryPlan {
  RecoveryTarget target;
  catalog::BackupSummary backup;
  std::vector<std::string> unreadable;  // why other backups were passed over
  // Goes to PostgreSQL: recovery_target_lsn, recovery_target_inclusive, recovery_target_timeline.
  pg::Lsn target_lsn;      // the start of a record
  bool inclusive = false;  // stop after that record (true) or before it (false)
  pg::Lsn end_lsn;         // where replay stops: the end of the last record replayed
  // The timeline that holds the end: the one asked for, or an ancestor.
  pg::TimelineId timeline;
  pg::TimelineId along;  // the one asked for, or the newest: what is given up is of this one
  std::vector<OtherTimeline> other_timelines;
  std::optional<PlanRecord> last_replayed;   // the last commit or restore point that is kept
  std::optional<PlanRecord> first_left_out;  // the first that is not
  uint64_t commits_replayed = 0;
  uint64_t commits_given_up = 0;  // later commits of timeline `along`, in the archive
  std::vector<PlanRecord>
      earlier_times_left_out;  // later records with an earlier time than the target's
  // Where the target's transaction removed files before it committed, and replay ends before that.
  struct Removal {
    uint64_t xid = 0;
    std::optional<Timestamp> ended_at;  // the transaction
    std::string what;      // "database shop", or "database 16385" when nobody knows its name
    pg::Lsn at;            // where replay ends instead
    uint64_t between = 0;  // commits of others from there to its own
  };
  std::optional<Removal> before_removal;
  std::vector<std::string>
      notes;              // a subxid mapped to its parent, prepared transactions that survive, …
  uint64_t segments = 0;  // from the redo point to the target
  uint64_t wal_bytes = 0;
  uint64_t restore_bytes = 0;  // to be written, tablespaces included
  // From the repository, WAL included, at most: packs hold other backups' frames, too.
  uint64_t fetch_bytes = 0;
  std::vector<Tablespace> tablespaces;  // as saved
  // CREATE TABLESPACE in the WAL to be replayed: it would write to these paths of this host.
  struct ReplayedTablespace {
    uint32_t oid = 0;
    std::string location;
    pg::Lsn lsn;
  };
  std::vector<ReplayedTablespace> replayed_tablespaces;
  struct Limits {  // highest seen in pg_control and in parameter changes up to the target
    int max_connections = 0, max_worker_processes = 0, max_wal_senders = 0,
        max_prepared_transactions = 0, max_locks_per_transaction = 0;
  } limits;
};

// kInvalid with the nearest targets that work in the hint when the target cannot be reached.
Result<RecoveryPlan> make_plan(const PlanOptions& options, store::ObjectStore& objects,
                               Progress& progress, std::stop_token stop);

}  // namespace walkback::restore
