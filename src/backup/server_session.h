// What a backup needs of the running server, over the major versions.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::backup {

struct ServerFacts {
  int version_num = 0;
  pg::SystemIdentifier system_identifier;
  bool in_recovery = false;
  std::string data_directory;
  std::string config_file;
  std::string hba_file;
  std::string ident_file;
  std::string archive_mode;
  std::string archive_command;
  std::string last_archived;  // what its archiver last said was archived; "" when nothing was
  // The configuration files say what the server does not do yet: it waits for a restart.
  bool archive_mode_pending = false;
};
Result<ServerFacts> read_server_facts(pgconn::Connection& connection);

// kInvalid, with what to do, where WAL is not archived at all.
Result<void> check_archives(const ServerFacts& facts);
// kInvalid, with what to do, when the server cannot be backed up as it is: archiving off, unless it
// is a standby, another data directory than the configuration's.
Result<void> check_server_facts(const ServerFacts& facts, const std::string& pgdata,
                                FileSystem& files);

struct BackupStop {
  pg::Lsn lsn;
  std::string label_file;  // backup_label
  std::string tablespace_map;
};

// Non-exclusive backup mode: it ends with the session, so a backup that loses its session never
// counts.
Result<pg::Lsn> start_backup_mode(pgconn::Connection& connection, const std::string& label);
Result<BackupStop> stop_backup_mode(pgconn::Connection& connection);

// The name of the last file that the server's archiver calls archived, wherever that was; "" when
// there was none since its statistics were reset.
Result<std::string> last_archived(pgconn::Connection& connection);
// What its archiver failed at since it last succeeded, as a sentence; nothing when it did not.
Result<std::optional<std::string>> last_archive_failure(pgconn::Connection& connection);

}  // namespace walkback::backup
