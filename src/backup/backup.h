// `walkback backup`: one recoverable state of the cluster, complete when its manifest is.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/wal_origin.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/server_names.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::backup {

struct BackupOptions {
  std::string cluster;
  std::string pgdata;
  std::string label;
  bool full = false;  // read everything, whatever earlier backups have
  int workers = 2;
  int compression_level = 3;
  // Within which every page that the WAL says did not change is read again all the same; 0: never.
  std::chrono::days reread_period{30};
  // How long the server's archiver may take for the last segment the backup needs.
  std::chrono::seconds archive_timeout{300};
  // At a standby: where it is not empty, the primary is asked to end the WAL segment that the
  // backup ends in.
  ConnectToPrimary connect_to_primary;
  // For the names of what other databases hold.
  catalog::ConnectTo connect_to;
};

struct BadPage {
  std::string file;
  uint32_t block = 0;
};

// The WAL since the parent names no change of it, and it is another than the parent's. The backup
// has it as it is.
struct UnexplainedPage {
  std::string file;
  uint32_t block = 0;
  pg::Lsn lsn;  // the page's
  // By its LSN it was changed since the parent, so that the WAL has the change, and what the backup
  // made of the WAL did not name it. Otherwise something else than PostgreSQL changed it, or
  // the WAL of an earlier backup was taken to say less than it does.
  bool since_parent = false;
};

struct UnexplainedPages {
  uint64_t count = 0;
  std::vector<UnexplainedPage> named;  // the first ones
};

// Where the time went, in seconds. What is in none of them passes before the checkpoint is asked
// for (the server's names) and after the WAL is there (the manifest).
struct BackupTimings {
  double checkpoint_s = 0;  // PostgreSQL's, for pg_backup_start()
  double changes_s = 0;     // finding out what changed, where that was wanted
  double copy_s = 0;        // from the first file to the last page map durable
  double stop_s = 0;        // PostgreSQL's pg_backup_stop()
  double wal_wait_s = 0;    // for the server's archiver
};

struct BackupReport {
  catalog::BackupSummary summary;
  std::optional<catalog::BackupId> parent;  // what it builds on
  // For people: why everything was read. Empty where only changes were.
  std::string reason;
  std::vector<BadPage> bad_pages;  // also in the manifest
  UnexplainedPages unexplained;
  BackupTimings timings;
};

// Fails, leaving only garbage for prune, when the server, the disk, the archiver or `stop` says so;
// the attempt is an event either way. Success with bad or unexplained pages is for the caller to
// shout about.
Result<BackupReport> run_backup(const BackupOptions& options, pgconn::Connection& connection,
                                FileSystem& files, store::ObjectStore& objects, Clock& clock,
                                Random& random, Progress& progress, std::stop_token stop);

// An attempt that ended before run_backup() could begin, for want of a server: a timer whose
// backups fail must be seen in the history. A history that cannot be written to is no further
// error.
void record_failed_attempt(const BackupOptions& options, const Error& error,
                           store::ObjectStore& objects, Clock& clock, Random& random);

}  // namespace walkback::backup
