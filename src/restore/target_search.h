// Which record a target means: fed with the WAL from a backup's start, in order, it finds where
// replay is to stop, and what the user gives up by stopping there. Pure: no I/O.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/control_file.h"
#include "pg/types.h"
#include "restore/plan.h"
#include "restore/target.h"
#include "wal/timed_event.h"

namespace walkback::restore {

// Where replay stops.
struct StopPoint {
  pg::Lsn target;          // the start of a record
  bool inclusive = false;  // after that record, or before it
  pg::Lsn end;             // the end of the last record replayed
  pg::Lsn last;            // and its start
  pg::Lsn read_to;         // the log is read up to here: the record stopped before is read too
};

enum class Records : uint8_t {
  kAll,
  kKept,  // those that an index keeps: a target that is none of them is not found
};

class TargetSearch {
 public:
  // `control` is the backup's; `consistent_from` its stop. `sees` is what see() will be given.
  TargetSearch(const RecoveryTarget& target, const pg::ControlFile& control,
               pg::Lsn consistent_from, Records sees = Records::kAll);
  Records sees() const { return sees_; }

  // The next record. An error is a record that cannot be read: nothing may be planned past it.
  Result<void> see(const wal::Record& record);
  // There are no more.
  void finish();

  // Set once see() or finish() found it; may lie before `consistent_from`, for another backup to
  // serve.
  const std::optional<StopPoint>& stop() const { return stop_; }

  // Of the WAL seen up to the stop.
  struct Passed {
    uint64_t commits = 0;
    std::optional<PlanRecord> last;  // the last commit or restore point
    std::vector<RecoveryPlan::ReplayedTablespace> tablespaces;
    RecoveryPlan::Limits limits;
    std::map<pg::Xid, std::string> prepared;  // neither committed nor rolled back yet: xid and name
    // What DROP DATABASE or DROP TABLESPACE has made useless and not dropped yet, and the xid of
    // that; 0 when it is not known yet.
    std::map<std::string, pg::Xid> half_dropped;
  };
  const Passed& passed() const { return at_stop_; }

  // Of the WAL seen behind the stop.
  const std::optional<PlanRecord>& first_left_out() const { return first_left_out_; }
  uint64_t commits_given_up() const { return seen_.commits - at_stop_.commits; }
  const std::vector<PlanRecord>& earlier_times_left_out() const { return earlier_times_; }

  // For explaining why there is no stop.
  const std::optional<PlanRecord>& last_timed() const { return last_timed_; }
  // The target's transaction, where it was found rolled back and not committed.
  const std::optional<PlanRecord>& rolled_back() const { return rolled_back_; }
  // For a name: the restore points whose names are nearest to it, the nearest first.
  const std::vector<PlanRecord>& nearest_restore_points() const { return nearest_restore_points_; }
  // For a 32-bit xid: every transaction it may mean.
  const std::vector<uint64_t>& candidates() const { return candidates_; }
  const std::vector<std::string>& notes() const { return notes_; }
  // Where the stop lies before the target's transaction itself, and why.
  const std::optional<RecoveryPlan::Removal>& stopped_before_removal() const {
    return stopped_before_removal_;
  }

 private:
  void set_stop(const StopPoint& stop);
  void stop_before(pg::Lsn start, pg::Lsn end) { set_stop(point_before(start, end)); }
  void stop_after(pg::Lsn start, pg::Lsn end) { set_stop({start, true, end, start, end}); }
  // With Records::kKept it does not know `last`.
  StopPoint point_before(pg::Lsn start, pg::Lsn end) const;
  Result<void> check_is_complete(const wal::TimedEvent& event) const;
  void look_at(const wal::TimedEvent& event);
  void look_at_transaction(const wal::TimedEvent& event, const wal::TransactionEnd& ended);
  void look_at_restore_point(const wal::TimedEvent& event, const wal::RestorePoint& point);
  void look_for_mark(const wal::Record& record);
  void look_at_removal(const wal::TimedEvent& event, const std::string& what);
  void look_at_checkpoint(const wal::TimedEvent& event, const wal::Checkpoint& checkpoint);
  void look_for_proof(const wal::TimedEvent& event, Timestamp time);
  void keep_if_near(std::string_view name, const PlanRecord& point);
  void look_for_time(const wal::TimedEvent& event, Timestamp time);
  void look_for_xid(const wal::TimedEvent& event, const wal::TransactionEnd& ended);
  void stop_before_transaction(const wal::TimedEvent& event, const PlanRecord& commit);
  void remember(const PlanRecord& record, bool committed);
  bool means(uint64_t full_xid) const;
  uint64_t full_xid(pg::Xid xid);

  const RecoveryTarget target_;
  const pg::Lsn consistent_from_;
  const Records sees_;
  const int major_;
  const uint32_t segment_bytes_;
  wal::TimedEvents events_;

  std::optional<StopPoint> stop_;
  Passed seen_;     // up to the record looked at
  Passed at_stop_;  // as it was at the stop
  std::optional<PlanRecord> first_left_out_;
  std::vector<PlanRecord> earlier_times_;
  std::optional<PlanRecord> last_timed_;
  std::optional<PlanRecord> rolled_back_;
  std::vector<uint64_t> candidates_;
  std::vector<PlanRecord> nearest_restore_points_;
  std::vector<size_t> distances_;  // of these names to the target's
  std::vector<std::string> notes_;
  // For "before": PostgreSQL marks a database as invalid and removes its files, and logs both,
  // before the transaction that drops it commits. A stop in between leaves a database that is none.
  struct Removal {
    std::string what;
    StopPoint before;
    Passed passed;
    std::optional<PlanRecord> first_after;
  };
  std::optional<Removal> mark_;     // the last database that was marked
  std::optional<Removal> removal_;  // by the transaction that is asked for
  std::optional<RecoveryPlan::Removal> stopped_before_removal_;
  // For a time behind the last commit: a checkpoint that proves that nothing lies between.
  std::optional<StopPoint> proof_;

  pg::Lsn last_start_;
  pg::Lsn last_end_;
  pg::FullXid next_xid_;  // as far as it is known
};

}  // namespace walkback::restore
