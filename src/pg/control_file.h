// global/pg_control: what a cluster is and where its log stands (src/include/catalog/pg_control.h).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

// DBState: what the server was doing when it last wrote the file.
enum class ClusterState : int32_t {
  kStartup = 0,
  kShutDown = 1,
  kShutDownInRecovery = 2,
  kShuttingDown = 3,
  kInCrashRecovery = 4,
  kInArchiveRecovery = 5,
  kInProduction = 6,
};

enum class WalLevel : int32_t { kMinimal = 0, kReplica = 1, kLogical = 2 };

struct ControlFile {
  int major = 0;  // from the catalog version
  SystemIdentifier system_identifier;
  uint32_t control_version = 0;
  uint32_t catalog_version = 0;
  ClusterState state = ClusterState::kStartup;
  Timestamp updated;  // whole seconds, as all times in this file

  // The latest checkpoint.
  Lsn checkpoint;  // its record
  Lsn redo;        // where replay begins
  TimelineId timeline;
  TimelineId previous_timeline;
  bool full_page_writes = false;
  FullXid next_xid;
  Oid next_oid = 0;
  Xid oldest_xid = 0;
  Xid oldest_active_xid = 0;
  Timestamp checkpoint_time;

  // Recovery: zero unless in recovery.
  Lsn min_recovery_point;
  TimelineId min_recovery_point_timeline;
  Lsn backup_start;
  Lsn backup_end;
  bool backup_end_required = false;

  // Settings a hot standby must not be below.
  WalLevel wal_level = WalLevel::kMinimal;
  bool wal_log_hints = false;
  int32_t max_connections = 0;
  int32_t max_worker_processes = 0;
  int32_t max_wal_senders = 0;
  int32_t max_prepared_transactions = 0;
  int32_t max_locks_per_transaction = 0;
  bool track_commit_timestamp = false;

  // Fixed by initdb or when the server was compiled.
  uint32_t block_bytes = 0;
  uint32_t relation_segment_blocks = 0;
  uint32_t wal_block_bytes = 0;
  uint32_t wal_segment_bytes = 0;
  uint32_t data_checksum_version = 0;

  bool checksums_enabled() const { return data_checksum_version != 0; }
};

// `bytes` is the file (8192 bytes; what lies behind the checksum is padding).
// kCorrupt when its checksum is wrong: the server rewrites it in place, so whoever reads it from a
// live cluster reads it again. kUnsupported for another version, byte order, block size or
// alignment.
Result<ControlFile> parse_control_file(ByteView bytes);

}  // namespace walkback::pg
