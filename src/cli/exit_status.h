// Every exit status, in one table; docs/cli.md prints the same.
#pragma once

namespace walkback::cli {

enum class ExitStatus : int {
  kDone = 0,
  kFailed = 1,
  kBadUsage = 2,           // options, configuration, a URL that is not read
  kTargetUnreachable = 3,  // plan, recover: no such commit, a gap, before the first backup, …
  // backup: it is complete, and pages of the cluster fail their checksum, or have changed without a
  // word of it in the WAL.
  kBadPages = 4,
  kDamageFound = 5,  // verify: an object is missing, damaged or cannot be opened, or WAL has a gap
  kDrillFailed = 6,  // drill: the recovery did not succeed, or what it gave failed a proof
  kInterrupted = 130,  // SIGINT or SIGTERM, as shells report it

  // status, of which any failure is critical: what could not be told may be anything.
  kStatusWarning = 1,
  kStatusCritical = 2,

  // wal-get. PostgreSQL takes 1 to 125 for "not in the archive" and may then end recovery and
  // promote; above 125 it stops instead (wait_result_is_any_signal() in src/common/wait_error.c,
  // called by RestoreArchivedFile() in src/backend/access/transam/xlogarchive.c, 13 to 18). 126 and
  // 127 are the shell's own and 129 to 192 read like signals; 143 would even be taken for a
  // shutdown that was asked for.
  kNotInArchive = 1,
  kWalGetFailed = 200,
};

}  // namespace walkback::cli
