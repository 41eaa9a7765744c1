// The settings of a recovered copy: the cluster's own, and after them ours.
//
// A copy must never act on what the original owns: its data_directory, archive, replication, subscriptions,
// log files, pid file. And it must start on this host: preload libraries that are missing here, memory
// larger than here, max_* below what the primary had while the WAL was written (RecoveryRequiresIntParameter,
// src/backend/access/transam/xlogrecovery.c), includes that were not in the backup.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/control_file.h"
#include "pg/types.h"
#include "restore/target_directory.h"

namespace walkback::restore {

enum class RecoveryAction { kPromote, kPause, kShutdown };
std::string_view recovery_action_name(RecoveryAction action);

struct CopySettings {
  std::string data_directory;
  int port = 0;
  std::string socket_directory;
  std::string restore_command;
  pg::Lsn target_lsn;
  bool target_inclusive = false;
  pg::TimelineId target_timeline;
  RecoveryAction action = RecoveryAction::kPromote;
  int server_version_num = 0;  // 150018
  std::string library_directory;  // pg_config --pkglibdir of the server that will run here
  uint64_t host_memory_bytes = 0;
  // The highest max_* seen in the backup's pg_control and in the WAL to be replayed.
  struct Limits {
    int max_connections = 0;
    int max_worker_processes = 0;
    int max_wal_senders = 0;
    int max_prepared_transactions = 0;
    int max_locks_per_transaction = 0;
  } at_least;
};

// What was changed and why, for the user: "archive_mode = off: a copy never archives".
struct SettingChange {
  std::string name;
  std::string value;
  std::string why;
};

// Works on a restored, never started directory: appends to postgresql.auto.conf (read last, so it wins)
// and, for what that file may not hold (data_directory, hba_file, ident_file, external_pid_file), to
// postgresql.conf; comments out includes that do not exist here; makes recovery.signal; removes
// standby.signal; makes a pg_hba.conf (local, peer/trust as in the backup's own if present) and an empty
// pg_ident.conf when the backup had none. Everything written is synced.
Result<std::vector<SettingChange>> write_copy_settings(FileSystem& files, const CopySettings& copy);

// For adopt: takes our settings out again, so that the cluster's own rule; keeps data_directory's line.
Result<void> remove_copy_settings(FileSystem& files, const std::string& data_directory);

}  // namespace walkback::restore
