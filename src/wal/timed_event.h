// What decides how far a recovery goes: the records that carry a time, an xid, a name or a
// timeline, and those that a plan must warn about. Everything else is passed over without being
// decoded.
#pragma once

#include <optional>
#include <variant>

#include "base/result.h"
#include "wal/names.h"
#include "wal/record_reader.h"
#include "wal/transaction.h"
#include "wal/xlog_records.h"

namespace walkback::wal {

// Views the record: copy what must outlive it.
struct TimedEvent {
  pg::Lsn start;  // recovery stops before the record at its start, after it at its end
  pg::Lsn end;
  pg::Xid xid = 0;  // whose record it is; 0: no transaction's
  std::variant<TransactionEnd, TransactionPrepare, RestorePoint, Checkpoint, RunningTransactions,
               TablespaceCreate, TablespaceDrop, DatabaseCreate, DatabaseDrop, ParameterChange,
               BackupEnd, EndOfRecovery, OverwriteContrecord>
      what;

  // Of a commit, abort, restore point, checkpoint, …: nothing for those without a time.
  std::optional<Timestamp> time() const;
  // Of a parameter change, and since 17 of a checkpoint: with what wal_level the log goes on. What
  // is written with "minimal" lacks changes: archive recovery stops at the parameter change that
  // says so (CheckRequiredParameterValues in src/backend/access/transam/xlog.c: FATAL since 14; in
  // 13 a warning, and an error because the copy is a hot standby).
  std::optional<pg::WalLevel> wal_level() const;
};

// By its kind alone, without decoding it: false for nearly all records.
inline bool may_be_timed_event(const Record& record) {
  const uint8_t kind = record.info & 0xF0;
  switch (record.rmgr) {
    case kXlogRmgr:
      return kind != kXlogFullPageImage && kind != kXlogFullPageImageForHint;
    case kStandbyRmgr:
      return kind == kRunningTransactions;
    default:
      return record.rmgr == kTransactionRmgr || record.rmgr == kDatabaseRmgr ||
             record.rmgr == kTablespaceRmgr;
  }
}

// Reuses one decoder for many records. One thread at a time.
class TimedEvents {
 public:
  explicit TimedEvents(int major) : major_(major) {}
  // Nothing for records that are no such event; an error for one that cannot be read, which after a
  // checksum that holds must not be passed over.
  Result<std::optional<TimedEvent>> of(const Record& record);
  // Of a commit, COMMIT PREPARED too; nothing for any other record, nor for one that cannot be
  // read.
  std::optional<Timestamp> commit_time(const Record& record);

 private:
  int major_;
  DecodedRecord decoded_;
};

}  // namespace walkback::wal
