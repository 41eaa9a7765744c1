#include "wal/timed_event.h"

#include <type_traits>

namespace walkback::wal {
namespace {

using Found = Result<std::optional<TimedEvent>>;

template <typename T>
Found event(const Record& record, Result<T> parsed) {
  if (!parsed.ok())
    return std::move(parsed).error().with_context("record at " + record.start.text());
  return std::optional<TimedEvent>(
      TimedEvent{record.start, record.end, record.xid, std::move(parsed).value()});
}

const Found kNoEvent = std::optional<TimedEvent>();

Found of_xlog(const Record& record, ByteView data, int major) {
  switch (record.info & 0xF0) {
    case kXlogCheckpointShutdown:
      return event(record, parse_checkpoint(data, true, major));
    case kXlogCheckpointOnline:
      return event(record, parse_checkpoint(data, false, major));
    case kXlogRestorePoint:
      return event(record, parse_restore_point(data));
    case kXlogParameterChange:
      return event(record, parse_parameter_change(data));
    case kXlogBackupEnd:
      return event(record, parse_backup_end(data));
    case kXlogEndOfRecovery:
      return event(record, parse_end_of_recovery(data));
    case kXlogOverwriteContrecord:
      return event(record, parse_overwrite_contrecord(data));
    default:
      return kNoEvent;
  }
}

Found of_transaction(const Record& record, ByteView data, int major) {
  switch (record.info & kTransactionMask) {
    case kCommit:
    case kAbort:
    case kCommitPrepared:
    case kAbortPrepared:
      return event(record, parse_transaction_end(data, record.info, record.xid, major));
    case kPrepare:
      return event(record, parse_transaction_prepare(data, major));
    default:
      return kNoEvent;
  }
}

Found of_tablespace(const Record& record, ByteView data) {
  switch (record.info & 0xF0) {
    case kTablespaceCreate:
      return event(record, parse_tablespace_create(data));
    case kTablespaceDrop:
      return event(record, parse_tablespace_drop(data));
    default:
      return kNoEvent;
  }
}

Found of_database(const Record& record, ByteView data, int major) {
  switch (database_record(record.info, major)) {
    case DatabaseRecord::kCreateFileCopy:
      return event(record, parse_database_create(data, true));
    case DatabaseRecord::kCreateLogged:
      return event(record, parse_database_create(data, false));
    case DatabaseRecord::kDrop:
      return event(record, parse_database_drop(data));
    case DatabaseRecord::kUnknown:
      return kNoEvent;
  }
  return kNoEvent;
}

}  // namespace

std::optional<Timestamp> TimedEvent::time() const {
  return std::visit(
      [](const auto& event) -> std::optional<Timestamp> {
        if constexpr (requires { event.time; }) return event.time;
        return std::nullopt;
      },
      what);
}

std::optional<pg::WalLevel> TimedEvent::wal_level() const {
  if (const auto* change = std::get_if<ParameterChange>(&what)) return change->wal_level;
  if (const auto* checkpoint = std::get_if<Checkpoint>(&what)) return checkpoint->wal_level;
  return std::nullopt;
}

Found TimedEvents::of(const Record& record) {
  if (!may_be_timed_event(record)) return kNoEvent;
  TRY(decoded_.decode(record, major_));
  const ByteView data = decoded_.main_data();
  switch (record.rmgr) {
    case kXlogRmgr:
      return of_xlog(record, data, major_);
    case kTransactionRmgr:
      return of_transaction(record, data, major_);
    case kDatabaseRmgr:
      return of_database(record, data, major_);
    case kTablespaceRmgr:
      return of_tablespace(record, data);
    default:
      return event(record, parse_running_transactions(data));
  }
}

std::optional<Timestamp> TimedEvents::commit_time(const Record& record) {
  const Found event = of(record);
  if (!event.ok() || !*event) return std::nullopt;
  const auto* ended = std::get_if<TransactionEnd>(&(*event)->what);
  return ended != nullptr && ended->committed ? std::optional(ended->time) : std::nullopt;
}

}  // namespace walkback::wal
