// What the rules judge: gathered elsewhere (gather.h), plain values here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/promise.h"
#include "catalog/recovery_windows.h"
#include "catalog/stored_objects.h"
#include "pg/types.h"

namespace walkback::health {

// Nothing: it was not looked at. An error: it could not be seen.
template <typename T>
using Looked = std::optional<Result<T>>;

// One place of the repository.
struct PlaceFacts {
  std::string url;
  bool required = true;
  std::optional<Error> error;     // why it does not answer
  std::optional<DiskSpace> disk;  // of a directory
};

struct ArchiverFacts {  // pg_stat_archiver, and the settings beside it
  bool on = true;       // archive_mode
  // archive_mode is set, and takes the restart that was not yet.
  bool waits_for_restart = false;
  bool has_command = true;
  std::chrono::seconds timeout{0};  // archive_timeout; 0: off
  std::string last_archived;        // a file's name; empty: none since the statistics were reset
  std::optional<Timestamp> last_archived_at;
  std::string last_failed;
  std::optional<Timestamp> last_failed_at;
  uint64_t failures = 0;  // since the statistics were reset
  // It calls a segment archived that the repository, asked later, has not.
  bool archives_elsewhere = false;

  bool failing() const {
    return last_failed_at && (!last_archived_at || *last_failed_at > *last_archived_at);
  }
};

struct SlotFacts {
  std::string name;
  bool active = false;
  uint64_t held_bytes = 0;  // of WAL, from its restart_lsn to the end of the log
  bool lost = false;        // the WAL that it needs is gone
};

struct ServerFacts {
  pg::SystemIdentifier system_identifier;
  int version_num = 0;
  bool in_recovery = false;
  pg::TimelineId timeline;
  pg::Lsn wal_end;                     // written, or on a standby replayed
  Timestamp clock;                     // the server's
  std::chrono::microseconds ahead{0};  // its clock of this host's
  ArchiverFacts archiver;
  std::vector<SlotFacts> slots;
};

// pg_wal, seen from this host.
struct WalDirectoryFacts {
  uint64_t segments = 0;
  uint64_t bytes = 0;
  uint64_t waiting = 0;  // finished segments that the archiver has not handed over
  std::string first_waiting;
  std::optional<Timestamp> waiting_since;  // when that one was finished
  std::optional<double> bytes_per_s;       // at which WAL came into being, of the last hour at most
  DiskSpace disk;
};

// WAL that is not in the repository.
struct UnarchivedFacts {
  pg::Lsn archived_until;
  std::optional<uint64_t> bytes;  // up to the end of the log; not known when no server answers
  std::optional<Timestamp> first_commit;  // the oldest that would be lost with this host
  std::string lost;  // a segment that is neither in the repository nor in pg_wal
};

// What of the history counts here.
struct Attempts {
  struct Failure {
    Timestamp at;
    std::string error;
  };
  std::optional<Failure> failed_backup;     // since the newest backup
  std::optional<Timestamp> running_backup;  // began then, and has no end yet
  struct Verification {
    Timestamp at;
    bool sound = false;          // what is stored is what it should be
    bool found_trouble = false;  // as opposed to having failed itself
    uint64_t gaps = 0;           // in the WAL
    std::string detail;          // what it found, or why it failed
  };
  std::optional<Verification> last_verify;
  std::optional<Timestamp> last_sound_verify;
  struct Drill {
    Timestamp at;
    bool ok = false;
    double recovery_s = 0;  // measured: the backup's restore, and the replay
    double restore_s = 0;
    std::string error;
  };
  std::optional<Drill> last_drill;
  std::optional<Drill> last_good_drill;
};

using catalog::kClocksDiffer;

// A transaction that took many rows.
struct MassChange {
  uint64_t xid = 0;
  Timestamp at;
  std::string table;
  std::string what;  // "deleted", "truncated", "dropped"
  uint64_t rows = 0;
};

struct RepositoryFacts {
  pg::SystemIdentifier system_identifier;
  std::optional<pg::TimelineId> timeline;       // the one that the others are about
  std::vector<catalog::BackupSummary> backups;  // on its path, oldest first
  std::vector<catalog::RecoveryWindow> windows;
  std::vector<catalog::WalGap> gaps;
  std::optional<pg::Lsn> archived_until;
  std::vector<std::string> unreadable;  // objects, with why
  Attempts attempts;
  Looked<std::vector<MassChange>> mass_changes;  // of the last hour
  uint64_t bytes_stored = 0;
  std::optional<double> bytes_per_day;  // added lately
};

struct KeyFacts {
  bool encrypted = true;
  bool has_host_key = true;
  bool host_key_known = true;                   // to the repository
  size_t recipients = 0;                        // that this host encrypts to
  std::vector<std::string> unknown_recipients;  // of these: to the repository
  std::vector<std::string> retired_recipients;
};

// Who is told of all this, as far as that worked.
struct AlertFacts {
  size_t channels = 0;
  struct Failing {
    std::string channel;  // "slack"
    Timestamp since;
    std::string error;
  };
  std::vector<Failing> failing;
  std::string state_error;  // why what was told cannot be remembered
};

struct Facts {
  std::string cluster;
  Timestamp now;
  std::vector<PlaceFacts> places;
  Looked<RepositoryFacts> repository;
  Looked<ServerFacts> server;
  Looked<WalDirectoryFacts> wal_directory;
  Looked<UnarchivedFacts> unarchived;
  Looked<KeyFacts> keys;
  std::optional<catalog::StoredObjects> stored;     // shown, and judged by no rule
  std::optional<std::chrono::seconds> store_ahead;  // the store's clock of this host's
  std::optional<AlertFacts> alerts;
};

}  // namespace walkback::health
