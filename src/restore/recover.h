// `walkback recover`: plan, check, restore, replay, and ask the server where it stands.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "ondemand/files.h"
#include "restore/delta_survey.h"
#include "restore/plan.h"
#include "restore/recovered_settings.h"
#include "restore/target_directory.h"

namespace walkback::restore {

// A server that is thrown away by who makes it (scratch/). It answers on the sockets in this
// directory, on no other way in; who makes it starts its server, holds a lease on the backup for as
// long as it runs, and writes the event.
struct ScratchCopy {
  std::string socket_directory;
  // Where the next WAL may lie already (wal_ahead.h), or empty.
  std::string wal_at_hand = "";
  // Only what is read is to be fetched: room for all of it is not asked for.
  bool fetches_little = false;
  // Where it is set, of the backup's files only what is read is fetched, by this: they are mounted
  // when run_recover() returns, and of use only as long as they are.
  ondemand::OnDemandFiles* on_demand = nullptr;
};

struct RecoverOptions {
  std::string into;
  std::optional<int> port;  // default: a free one
  RecoveryAction action = RecoveryAction::kPromote;
  std::vector<TablespaceMapping> tablespaces;
  bool start = true;  // --no-start: everything but starting the server
  // --delta: `into` may be a stopped data directory of the same cluster.
  bool delta = false;
  std::optional<ScratchCopy> scratch;  // without `start` and `delta`
  int workers = 2;
  std::string server_binaries;  // configured directory, may be empty
  Neighbours neighbours;        // the cluster of the configuration and the repository
  std::string program;          // absolute path of walkback and
  std::string
      config_path;  // its configuration, for restore_command; the --cluster is in PlanOptions
};

struct RecoverReport {
  RecoveryPlan plan;
  bool started = false;
  bool reached = false;                   // the server's own word, compared with the plan
  pg::Lsn reached_lsn;                    // end of the last record replayed
  std::optional<Timestamp> reached_time;  // of the last commit replayed
  std::optional<uint64_t> reached_xid;
  std::optional<pg::TimelineId> new_timeline;  // after promotion
  std::string data_directory;
  TargetLayout layout;
  std::string socket_directory;
  std::string log_file;
  std::string binaries;  // PostgreSQL's; empty when they are not on this host
  int port = 0;
  std::string role;  // to connect as; empty where it is the user's own name
  uint64_t segments_replayed = 0;
  uint64_t bytes_written = 0, bytes_fetched = 0;  // without WAL
  double restore_s = 0, replay_s = 0, total_s = 0;
  std::vector<SettingChange> setting_changes;
  // With --delta, where there was something to go on from.
  struct Delta {
    DeltaSurvey survey;
    uint64_t bytes_right = 0;    // were as they are in the backup
    uint64_t bytes_written = 0;  // were not
    uint64_t bytes_fetched = 0;  // for those
  };
  std::optional<Delta> delta;
};

// What was found of a recovery's destination, before the first write.
struct CheckedTarget {
  TargetLayout layout;
  // With --delta, where the directory is not empty.
  std::optional<DeltaSurvey> delta;
  // PostgreSQL's programs, of the backup's version; empty where none is to be started.
  std::string binaries;
};

// The second step of the command: make_plan() was called before and shown, and `checked` is what
// check_recovery() said. On failure a half-restored directory has no pg_control, so no server
// starts on it; it is left as it is and named. When it is the server that fails, the hint says how
// to go on with what was restored.
Result<RecoverReport> run_recover(const RecoverOptions& options, const PlanOptions& plan_options,
                                  const RecoveryPlan& plan, const CheckedTarget& checked,
                                  FileSystem& files, store::ObjectStore& objects, Clock& clock,
                                  Random& random, Progress& progress, std::stop_token stop);

// What can be refused before anything is known of the plan: the directory, the user, the port.
Result<void> check_destination(const RecoverOptions& options, FileSystem& files);

// The checks of run_recover() that come before the first write: directory, space, paths, CREATE
// TABLESPACE that replay would run on this host, server binaries; and what --delta would do to each
// file. --dry-run ends after them.
Result<CheckedTarget> check_recovery(const RecoverOptions& options, const PlanOptions& plan_options,
                                     const RecoveryPlan& plan, FileSystem& files,
                                     store::ObjectStore& objects, Clock& clock);

}  // namespace walkback::restore
