#include "restore/target_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/edit_distance.h"
#include "wal/catalog_rows.h"
#include "wal/names.h"
#include "wal/page_header.h"
#include "wal/segment_summary.h"

namespace walkback::restore {

namespace {

// Listed in a plan; more than these is "and N more".
constexpr size_t kMostEarlierTimes = 100;
// Offered for a name that nobody gave.
constexpr size_t kMostRestorePoints = 5;

std::string what_ended(const wal::TransactionEnd& ended) {
  if (ended.two_phase) return ended.committed ? "commit prepared" : "rollback prepared";
  return ended.committed ? "commit" : "abort";
}

}  // namespace

TargetSearch::TargetSearch(const RecoveryTarget& target, const pg::ControlFile& control,
                           pg::Lsn consistent_from, Records sees)
    : target_(target),
      consistent_from_(consistent_from),
      sees_(sees),
      major_(control.major),
      segment_bytes_(control.wal_segment_bytes),
      events_(control.major),
      next_xid_(control.next_xid) {
  seen_.limits = {control.max_connections, control.max_worker_processes, control.max_wal_senders,
                  control.max_prepared_transactions, control.max_locks_per_transaction};
}

Result<void> TargetSearch::see(const wal::Record& record) {
  // Targets that are positions, not events.
  if (!stop_ && target_.kind == TargetKind::kLsn && record.start >= target_.lsn) {
    stop_before(record.start, record.end);
  }
  if (!stop_ && target_.kind == TargetKind::kImmediate && record.start >= consistent_from_) {
    stop_after(last_start_, last_end_);
  }
  look_for_mark(record);
  const std::optional<wal::TimedEvent> event = TRY(events_.of(record));
  if (event) {
    TRY(check_is_complete(*event));
    look_at(*event);
  }
  last_start_ = record.start;
  last_end_ = record.end;
  return success();
}

StopPoint TargetSearch::point_before(pg::Lsn start, pg::Lsn end) const {
  const pg::Lsn before =
      sees_ == Records::kAll ? last_end_ : wal::end_of_record_before(start, segment_bytes_);
  return {start, false, before, last_start_, end};
}

// A server that is to replay from here on refuses. Behind the stop it does not matter; a name may
// be met again there.
Result<void> TargetSearch::check_is_complete(const wal::TimedEvent& event) const {
  const bool matters = !stop_ || target_.kind == TargetKind::kName;
  if (!matters || event.wal_level() != pg::WalLevel::kMinimal) return success();
  return make_error(ErrorKind::kInvalid,
                    fmt::format("from LSN {} on the WAL was written with wal_level=minimal, which "
                                "leaves out what recovery needs; only a backup taken after that "
                                "leads further",
                                event.start.text()));
}

void TargetSearch::finish() {
  if (stop_ || !last_start_) return;
  switch (target_.kind) {
    case TargetKind::kLatest:
      return stop_after(last_start_, last_end_);
    case TargetKind::kImmediate:
      if (last_end_ >= consistent_from_) stop_after(last_start_, last_end_);
      return;
    case TargetKind::kLsn: {
      // An end, such as pg_current_wal_lsn() gives: at a page's end it lies behind the next page's
      // header.
      const bool page_ends = last_end_.value % wal::kWalPageBytes == 0;
      const pg::Lsn end = last_end_ + (page_ends ? wal::kLongHeaderBytes : 0);
      if (target_.lsn <= end) stop_after(last_start_, last_end_);
      return;
    }
    case TargetKind::kTime:
      if (proof_) {
        stop_ = proof_;
      }
      return;
    default:
      return;
  }
}

void TargetSearch::set_stop(const StopPoint& stop) {
  stop_ = stop;
  at_stop_ = seen_;
  first_left_out_.reset();
  earlier_times_.clear();
}

void TargetSearch::look_at(const wal::TimedEvent& event) {
  if (const auto* ended = std::get_if<wal::TransactionEnd>(&event.what)) {
    look_at_transaction(event, *ended);
  } else if (const auto* point = std::get_if<wal::RestorePoint>(&event.what)) {
    look_at_restore_point(event, *point);
  } else if (const auto* checkpoint = std::get_if<wal::Checkpoint>(&event.what)) {
    look_at_checkpoint(event, *checkpoint);
  } else if (const auto* recovered = std::get_if<wal::EndOfRecovery>(&event.what)) {
    look_for_proof(event, recovered->time);
  } else if (const auto* prepare = std::get_if<wal::TransactionPrepare>(&event.what)) {
    seen_.prepared.emplace(prepare->xid, std::string(prepare->gid));
  } else if (const auto* tablespace = std::get_if<wal::TablespaceCreate>(&event.what)) {
    seen_.tablespaces.push_back(
        {tablespace->tablespace, std::string(tablespace->path), event.start});
  } else if (const auto* database = std::get_if<wal::DatabaseDrop>(&event.what)) {
    look_at_removal(event, fmt::format("database {}", database->database));
  } else if (const auto* dropped = std::get_if<wal::TablespaceDrop>(&event.what)) {
    look_at_removal(event, fmt::format("tablespace {}", dropped->tablespace));
  } else if (const auto* change = std::get_if<wal::ParameterChange>(&event.what)) {
    RecoveryPlan::Limits& limits = seen_.limits;
    limits.max_connections = std::max(limits.max_connections, change->max_connections);
    limits.max_worker_processes =
        std::max(limits.max_worker_processes, change->max_worker_processes);
    limits.max_wal_senders = std::max(limits.max_wal_senders, change->max_wal_senders);
    limits.max_prepared_transactions =
        std::max(limits.max_prepared_transactions, change->max_prepared_transactions);
    limits.max_locks_per_transaction =
        std::max(limits.max_locks_per_transaction, change->max_locks_per_transaction);
  }
}

void TargetSearch::look_at_transaction(const wal::TimedEvent& event,
                                       const wal::TransactionEnd& ended) {
  look_for_time(event, ended.time);
  const PlanRecord record{what_ended(ended), event.start, ended.time, full_xid(ended.xid)};
  if (target_.kind == TargetKind::kBeforeXid) look_for_xid(event, ended);
  if (ended.two_phase) seen_.prepared.erase(ended.xid);
  std::erase_if(seen_.half_dropped, [&](const auto& drop) { return drop.second == ended.xid; });
  remember(record, ended.committed);
  // After the record: what it did is part of what is passed.
  if (target_.kind == TargetKind::kXid) look_for_xid(event, ended);
}

// PostgreSQL stops before the first of these, in the order of the log, whose time is later. Commit
// times are taken before the record is written, so they are not in that order themselves.
void TargetSearch::look_for_time(const wal::TimedEvent& event, Timestamp time) {
  if (target_.kind != TargetKind::kTime) return;
  if (!stop_ && time > target_.time) stop_before(event.start, event.end);
  if (!stop_) proof_.reset();
}

bool TargetSearch::means(uint64_t full) const {
  if (target_.xid > UINT32_MAX) return full == target_.xid;
  return static_cast<uint32_t>(full) == target_.xid;
}

void TargetSearch::look_for_xid(const wal::TimedEvent& event, const wal::TransactionEnd& ended) {
  const uint64_t own = full_xid(ended.xid);
  bool matches = means(own);
  for (size_t i = 0; !matches && i < ended.subxids.size(); ++i) {
    if (!means(full_xid(ended.subxids[i]))) continue;
    matches = true;
    notes_.push_back(
        fmt::format("{} is a subtransaction of transaction {}, which is taken", target_.xid, own));
  }
  if (!matches) return;
  if (!ended.committed) {
    rolled_back_ = PlanRecord{what_ended(ended), event.start, ended.time, own};
    return;
  }
  candidates_.push_back(own);
  if (stop_) return;
  if (target_.kind == TargetKind::kXid) {
    stop_after(event.start, event.end);
  } else {
    stop_before_transaction(event, {what_ended(ended), event.start, ended.time, own});
  }
}

void TargetSearch::stop_before_transaction(const wal::TimedEvent& event, const PlanRecord& commit) {
  if (!removal_) return stop_before(event.start, event.end);
  stopped_before_removal_ = {*commit.xid, commit.time, removal_->what, removal_->before.target,
                             seen_.commits - removal_->passed.commits};
  stop_ = removal_->before;
  at_stop_ = std::move(removal_->passed);
  first_left_out_ = removal_->first_after ? std::move(removal_->first_after) : commit;
}

void TargetSearch::look_for_mark(const wal::Record& record) {
  if (record.rmgr != wal::kHeapRmgr || (record.info & wal::kHeapMask) != wal::kHeapInplace) return;
  wal::DecodedRecord decoded;
  if (!decoded.decode(record, major_).ok()) return;
  const std::optional<pg::Oid> database = wal::database_marked_invalid(decoded, major_);
  if (!database) return;
  const std::string what = fmt::format("database {}", *database);
  if (!stop_) mark_ = Removal{what, point_before(record.start, record.end), seen_, std::nullopt};
  seen_.half_dropped.emplace(what, record.xid);
}

// DROP DATABASE and DROP TABLESPACE (src/backend/commands/dbcommands.c, dropdb() and
// remove_dbtablespaces(); tablespace.c, DropTableSpace()). ALTER DATABASE SET TABLESPACE removes
// the old files when the move is committed, in a record that is no transaction's.
void TargetSearch::look_at_removal(const wal::TimedEvent& event, const std::string& what) {
  if (event.xid == 0) return;
  const bool is_asked_for = target_.kind == TargetKind::kBeforeXid && !stop_ &&
                            means(pg::widen(event.xid, next_xid_).value);
  if (is_asked_for && !removal_) {
    const bool was_marked = mark_ && mark_->what == what;
    removal_ = was_marked
                   ? std::move(mark_)
                   : Removal{what, point_before(event.start, event.end), seen_, std::nullopt};
  }
  seen_.half_dropped[what] = event.xid;
}

void TargetSearch::look_at_restore_point(const wal::TimedEvent& event,
                                         const wal::RestorePoint& point) {
  look_for_time(event, point.time);
  const PlanRecord record{fmt::format("restore point '{}'", point.name), event.start, point.time,
                          std::nullopt};
  remember(record, false);
  if (target_.kind != TargetKind::kName) return;
  if (point.name != target_.name) return keep_if_near(point.name, record);
  if (stop_) {
    notes_.push_back(
        fmt::format("there are several restore points named '{}'; the latest, at {}, is taken",
                    target_.name, event.start.text()));
  }
  stop_after(event.start, event.end);
}

// Some make a restore point every minute: few are kept, of one name and of equally near ones the
// latest.
void TargetSearch::keep_if_near(std::string_view name, const PlanRecord& point) {
  const auto same = std::ranges::find(nearest_restore_points_, point.what, &PlanRecord::what);
  if (same != nearest_restore_points_.end()) {
    *same = point;
    return;
  }
  const size_t distance = edit_distance(name, target_.name);
  const auto place = std::ranges::lower_bound(distances_, distance);
  const auto index = place - distances_.begin();
  distances_.insert(place, distance);
  nearest_restore_points_.insert(nearest_restore_points_.begin() + index, point);
  if (distances_.size() <= kMostRestorePoints) return;
  distances_.pop_back();
  nearest_restore_points_.pop_back();
}

void TargetSearch::look_at_checkpoint(const wal::TimedEvent& event,
                                      const wal::Checkpoint& checkpoint) {
  next_xid_ = std::max(next_xid_, checkpoint.next_xid);
  look_for_proof(event, checkpoint.time);
}

// The log was written on after the target's time, and nothing that ends a time came before.
void TargetSearch::look_for_proof(const wal::TimedEvent& event, Timestamp time) {
  if (target_.kind != TargetKind::kTime || stop_ || proof_ || time <= target_.time) return;
  proof_ = StopPoint{event.start, false, last_end_, last_start_, event.end};
  at_stop_ = seen_;
}

// The records on either side of the stop.
void TargetSearch::remember(const PlanRecord& record, bool committed) {
  const bool restore_point = !record.xid;
  if (committed) ++seen_.commits;
  if (record.time) last_timed_ = record;
  if (!committed && !restore_point) return;
  seen_.last = record;
  for (std::optional<Removal>* removal : {&mark_, &removal_}) {
    if (*removal && !(*removal)->first_after) (*removal)->first_after = record;
  }
  if (!stop_) return;
  if (!first_left_out_) first_left_out_ = record;
  if (target_.kind == TargetKind::kTime && committed && record.time <= target_.time &&
      earlier_times_.size() < kMostEarlierTimes) {
    earlier_times_.push_back(record);
  }
}

uint64_t TargetSearch::full_xid(pg::Xid xid) {
  const pg::FullXid full = pg::widen(xid, next_xid_);
  next_xid_ = std::max(next_xid_, pg::FullXid{full.value + 1});
  return full.value;
}

}  // namespace walkback::restore
