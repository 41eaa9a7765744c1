// Records about the log and the cluster itself, as far as recovery and backup need them: one struct
// each, parsed from a record's main data. kCorrupt when it is too short. Structs view the record.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "pg/control_file.h"
#include "pg/filenode_map.h"
#include "pg/types.h"
#include "wal/packed.h"
#include "wal/record.h"

namespace walkback::wal {

// CheckPoint in src/include/catalog/pg_control.h.
struct Checkpoint {
  bool shutdown = false;
  pg::Lsn redo;
  pg::TimelineId timeline;
  pg::TimelineId previous_timeline;  // differs where a shutdown checkpoint begins a timeline
  pg::FullXid next_xid;
  pg::Xid oldest_active_xid = 0;          // 0 when not known
  Timestamp time;                         // whole seconds
  std::optional<pg::WalLevel> wal_level;  // since 17
};
Result<Checkpoint> parse_checkpoint(ByteView main_data, bool shutdown, int major);

// pg_create_restore_point().
struct RestorePoint {
  Timestamp time;
  std::string_view name;
};
Result<RestorePoint> parse_restore_point(ByteView main_data);

// A promotion: the record before it is the old timeline's last.
struct EndOfRecovery {
  Timestamp time;
  pg::TimelineId timeline;
  pg::TimelineId previous_timeline;
};
Result<EndOfRecovery> parse_end_of_recovery(ByteView main_data);

// Settings that a hot standby must not be below.
struct ParameterChange {
  int32_t max_connections = 0;
  int32_t max_worker_processes = 0;
  int32_t max_wal_senders = 0;
  int32_t max_prepared_transactions = 0;
  int32_t max_locks_per_transaction = 0;
  pg::WalLevel wal_level = pg::WalLevel::kMinimal;
  bool wal_log_hints = false;
  bool track_commit_timestamp = false;
};
Result<ParameterChange> parse_parameter_change(ByteView main_data);

// pg_backup_stop() on a primary: the backup that began at `start` is consistent from here on.
struct BackupEnd {
  pg::Lsn start;
};
Result<BackupEnd> parse_backup_end(ByteView main_data);

struct FullPageWritesChange {
  bool on = false;
};
Result<FullPageWritesChange> parse_full_page_writes(ByteView main_data);

// XLOG_OVERWRITE_CONTRECORD: after a crash in the middle of a record.
struct OverwriteContrecord {
  pg::Lsn overwritten;
  Timestamp time;
};
Result<OverwriteContrecord> parse_overwrite_contrecord(ByteView main_data);

// xl_running_xacts: what runs while the record is written.
struct RunningTransactions {
  bool subxids_overflowed = false;
  pg::Xid next_xid = 0;
  pg::Xid oldest_running_xid = 0;
  pg::Xid latest_completed_xid = 0;
  Packed<pg::Xid> xids;
  Packed<pg::Xid> subxids;
};
Result<RunningTransactions> parse_running_transactions(ByteView main_data);

// Replay makes a link to this very path: on the host it came from, that is a live one.
struct TablespaceCreate {
  pg::Oid tablespace = 0;
  std::string_view path;
};
Result<TablespaceCreate> parse_tablespace_create(ByteView main_data);

struct TablespaceDrop {
  pg::Oid tablespace = 0;
};
Result<TablespaceDrop> parse_tablespace_drop(ByteView main_data);

// CREATE DATABASE. As a file copy, whole files appear without a record of their blocks; so did
// every one up to 14. Otherwise (15+) each block is logged.
struct DatabaseCreate {
  pg::Oid database = 0;
  pg::Oid tablespace = 0;
  struct Source {
    pg::Oid database = 0;
    pg::Oid tablespace = 0;
  };
  std::optional<Source> copied_from;
};
struct DatabaseDrop {
  pg::Oid database = 0;
  Packed<pg::Oid> tablespaces;
};
enum class DatabaseRecord { kCreateFileCopy, kCreateLogged, kDrop, kUnknown };
// The numbers changed in 15.
DatabaseRecord database_record(uint8_t info, int major);
Result<DatabaseCreate> parse_database_create(ByteView main_data, bool file_copy);
Result<DatabaseDrop> parse_database_drop(ByteView main_data);

// A relation's file appears.
struct StorageCreate {
  RelationLocator relation;
  pg::Fork fork = pg::Fork::kMain;
};
Result<StorageCreate> parse_storage_create(ByteView main_data);

// The main fork is cut to `blocks`; the other forks to what belongs to them.
struct StorageTruncate {
  uint32_t blocks = 0;
  RelationLocator relation;
  bool main = false;
  bool visibility_map = false;
  bool free_space_map = false;
};
Result<StorageTruncate> parse_storage_truncate(ByteView main_data);

// xl_relmap_update in src/include/utils/relmapper.h: a whole pg_filenode.map.
struct RelationMapUpdate {
  pg::Oid database = 0;  // 0: that of what all databases share
  std::vector<pg::MappedFile> map;
};
Result<RelationMapUpdate> parse_relation_map_update(ByteView main_data);

}  // namespace walkback::wal
