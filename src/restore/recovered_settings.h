// The settings of a recovered copy: the cluster's own, and after them ours.
//
// A copy must never act on what the original owns: its data_directory, archive, replication,
// subscriptions, log files, pid file. And it must start on this host: preload libraries that are
// missing here, memory larger than here, max_* below what the primary had while the WAL was written
// (RecoveryRequiresIntParameter, src/backend/access/transam/xlogrecovery.c), includes that were not
// in the backup.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"
#include "restore/target_directory.h"

namespace walkback::restore {

enum class RecoveryAction { kPromote, kPause, kShutdown };
std::string_view recovery_action_name(RecoveryAction action);

// Without TCP a port only names a socket in a directory of its own.
inline constexpr int kScratchPort = 5432;
// What a scratch server's pg_wal may grow to: PostgreSQL's default for max_wal_size.
inline constexpr uint64_t kScratchWalBytes = 1 << 30;

struct CopySettings {
  std::string data_directory;
  int port = 0;
  std::string socket_directory;
  std::string restore_command;
  pg::Lsn target_lsn;
  bool target_inclusive = false;
  pg::TimelineId target_timeline;
  RecoveryAction action = RecoveryAction::kPromote;
  bool scratch = false;        // nobody but its maker ever uses it: scratch/
  int server_version_num = 0;  // 150018
  uint32_t wal_segment_bytes = 16u << 20;
  // pg_config --pkglibdir of the server that will run here; empty when not known: then no shared
  // library is preloaded, for nobody can say which are here.
  std::string library_directory;
  uint64_t host_memory_bytes = 0;  // 0 when not known: memory settings stay
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

// The first file of a copy, before anything is restored into its directory, which is there: with
// it, a directory without pg_control is known for a restore that was never finished. kConflict when
// there is one. write_copy_settings() writes it anew.
Result<void> begin_copy(FileSystem& files, const std::string& data_directory);

// Works on a restored, never started directory: appends to postgresql.auto.conf (read last, so it
// wins) and, for what that file may not hold (data_directory), to postgresql.conf; comments out
// lines with which no server starts here (includes of absent files, in pg_hba.conf and
// pg_ident.conf too); makes recovery.signal; removes
// standby.signal; makes a pg_hba.conf (the owner over the socket, others with a password from this
// host) and an empty pg_ident.conf when the backup had none, and lets the owner in over the socket
// where its own pg_hba.conf would ask for a password, or knows no role of the owner's name, since
// walkback must ask the server where it
// stands. walkback.copy.conf beside them says what of this goes when the copy is adopted.
// Everything written is synced. The changes returned are those where the cluster's own setting was
// another.
Result<std::vector<SettingChange>> write_copy_settings(FileSystem& files, const CopySettings& copy);

// For a stopped copy that is to replay more: where to, and with the limits that the way there
// needs.
struct LaterTarget {
  pg::Lsn target_lsn;
  bool target_inclusive = false;
  pg::TimelineId target_timeline;
  RecoveryAction action = RecoveryAction::kPromote;
  CopySettings::Limits at_least;
};
Result<void> set_later_target(FileSystem& files, const std::string& data_directory,
                              const LaterTarget& later);

// Whether write_copy_settings() made this directory a copy that was not adopted yet.
Result<bool> is_recovered_copy(FileSystem& files, const std::string& data_directory);

// For adopt: takes our settings out again, so that the cluster's own rule. What stays is what this
// host needs (libraries that are not here, memory larger than here) and, where the cluster itself
// had said that they are elsewhere, where the directory's own files are (data_directory, hba_file,
// ident_file). A setting that was changed since, with ALTER
// SYSTEM, stays as it is. Calling it again changes nothing.
Result<void> remove_copy_settings(FileSystem& files, const std::string& data_directory);

}  // namespace walkback::restore
