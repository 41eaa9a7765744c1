// A backup taken at a standby: where it begins is the last restartpoint, where it is consistent
// nobody writes into the WAL. Why so: docs/design/standby.md.
#pragma once

#include <optional>
#include <string>

#include "backup/wait_for_wal.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/backup_label.h"
#include "pg/control_file.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::backup {

// kInvalid when the repository has nothing of the timeline that the standby follows. Waits where
// the archive ends before the standby's restartpoint, so that a primary that archives elsewhere, or
// no longer, is found before a byte is read.
Result<void> check_wal_arrives(const catalog::WalArchive& archive, const pg::ControlFile& control,
                               WalWait& wait);

// How far a standby had replayed.
struct Replayed {
  pg::Lsn to;
  // The last commit or abort before `known_to`, by the primary's clock; nothing when the standby
  // has replayed none since it started.
  std::optional<Timestamp> last_transaction;
  pg::Lsn known_to;  // a moment later
};
Result<Replayed> how_far_replayed(pgconn::Connection& standby);

// From where on a backup's files are consistent once replayed.
struct BackupEnd {
  pg::Lsn lsn;
  pg::Lsn wal_until;  // what must be archived for `time` to be proved
  // A standby's own clock tells nothing of the WAL: there it is the time of the last transaction
  // before, by the primary's.
  Timestamp time;
};

// `copied` is the backup's pg_control, read after every other file, and `replayed` was asked after
// that. kTransient when the standby followed another timeline meanwhile, or has replayed nothing
// since its restartpoint: then take the backup again.
Result<BackupEnd> end_at_standby(const pg::ControlFile& copied, const Replayed& replayed,
                                 const pg::BackupLabel& label, FileSystem& files,
                                 const std::string& pg_wal);

}  // namespace walkback::backup
