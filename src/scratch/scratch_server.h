// A scratch server: a PostgreSQL recovered from the repository into a directory of its own.
//
//   ScratchPlan checked = TRY(check_scratch(options, plan_options, plan, around));   // writes
//   nothing auto server = TRY(ScratchServer::recover(checked, around));                      //
//   stands at `plan`'s end auto session = TRY(server->connect("shop"));
//   TRY(server->go_on(later_plan, Stand::kPromoted));                                // or
//   promote() TRY(server->remove());                                                           //
//   or keep()
//
// It is alone: a socket in a directory of mode 0700 and no TCP, no archiving, no primary, no hooks
// but our own wal-get, no library that is not needed to read what is there. It holds the lease that
// a recovery holds, for as long as it stands, so that prune never pulls WAL from under go_on(). It
// reserves no timeline and writes no event: it belongs to its command, which does.
//
// Where its maker lets it and this host can, only what it reads of the backup is fetched
// (ondemand/files.h).
//
// Nothing is left of it, however this process ends. Destroyed, it is stopped and removed. Killed,
// the kernel ends the server (start_tied() in restore/spawn.h) and the guard removes the directory;
// when the guard was killed as well, or the host, the next scratch server in the same directory
// does (leftovers.h). docs/design/scratch.md says why.
//
// One thread at a time, and the thread that recovered it must outlive it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "catalog/leases.h"
#include "ondemand/files.h"
#include "pgconn/connection.h"
#include "restore/plan.h"
#include "restore/recover.h"
#include "restore/server.h"
#include "scratch/guard.h"
#include "scratch/place.h"
#include "store/object_store.h"

namespace walkback::scratch {

// Who stands still at the target can be read and go on; who is promoted can be written to.
enum class Stand { kPaused, kPromoted };

struct ScratchOptions {
  std::string purpose;    // "drill", "undo": of the lease, the mark, the directory's name
  std::string directory;  // absolute; the server's own is made in it
  std::string name;       // of that, unique: an event's id
  Stand stand = Stand::kPromoted;
  restore::Neighbours neighbours;  // every cluster that runs on this host is added
  // Beside those of restore/copy_setting_rules.h, over everything: {"fsync", "off"}.
  std::vector<std::pair<std::string, std::string>> settings;
  int workers = 2;
  std::string server_binaries;  // configured directory, may be empty
  std::string program;          // absolute path of walkback and
  std::string config_path;      // its configuration
  bool keep_failed = false;     // what could not be recovered is left to be looked at
  // Its files come from the repository as they are read; where this host cannot do that, all of
  // them come first, and a line says so. Not with keep() or keep_failed.
  bool on_demand = false;
};

// The world it is made in. All of it outlives the server.
struct Surroundings {
  FileSystem& files;
  store::ObjectStore& objects;
  Clock& clock;
  Random& random;
  Progress& progress;
  std::stop_token stop;
};

struct ScratchPlan {
  ScratchOptions options;
  restore::PlanOptions plan_options;
  restore::RecoveryPlan plan;
  restore::CheckedTarget target;
  std::string root;  // DIRECTORY/PURPOSE-NAME
};

// Before a plan is made, which takes a while: whether `directory` may hold it at all. kConflict
// when it lies in a data directory or tablespace of the configured cluster or of any that runs
// here, or in the repository, by whichever link or mount; kDenied as root.
Result<void> check_directory(const ScratchOptions& options, FileSystem& files);

// And everything else that can be refused before the first write: room, CREATE TABLESPACE to be
// replayed, PostgreSQL's programs. Notes, and keeps in the options, where on_demand cannot be.
// First removes what killed ones left in `directory`.
Result<ScratchPlan> check_scratch(const ScratchOptions& options,
                                  const restore::PlanOptions& plan_options,
                                  const restore::RecoveryPlan& plan, Surroundings& around);

// What was taken of a backup, as it is stored, and what all of it would be.
struct Fetched {
  bool on_demand = false;
  uint64_t bytes = 0, of_bytes = 0;  // of several servers together
  void add(const Fetched& other);
  std::string text() const;  // "fetched 12 MiB of 2 GiB of the backup"
};

// One that was kept, stopped, and the commands for a person.
struct KeptServer {
  std::string root;              // empty: none was
  std::string start, ask, stop;  // empty where it never ran
  std::string sockets;           // empty where its socket lies in `root`
};

class ScratchServer {
 public:
  // Restores and replays. An error leaves nothing behind, unless keep_failed: then the hint says
  // where it is. kIo when the server stands elsewhere than at the plan's end, and when it does not
  // start, with its last words; kCorrupt and kMissing for what the repository has not whole.
  static Result<std::unique_ptr<ScratchServer>> recover(const ScratchPlan& checked,
                                                        Surroundings& around);
  ~ScratchServer();
  ScratchServer(const ScratchServer&) = delete;
  ScratchServer& operator=(const ScratchServer&) = delete;

  Fetched fetched() const;
  // What a server says whose files could not all be had is not to be relied on: then the error is
  // what could not be had, whatever `step` came to.
  Result<void> checked(Result<void> step) const;

  // Bytes, times, changed settings of the restore and of the first replay.
  const restore::RecoverReport& recovered() const { return report_; }
  // Where it stands, by its own word.
  pg::Lsn lsn() const { return lsn_; }
  Stand stand() const { return stand_; }

  // From where it is paused to the end of `later`, which was planned for the same cluster and lies
  // not before; it is restarted for that, and sessions end. kInvalid once it is promoted.
  Result<void> go_on(const restore::RecoveryPlan& later, Stand stand);
  // Where it is paused. Sessions stay.
  Result<void> promote();

  // As a superuser, whatever role ALTER DATABASE or ALTER ROLE set, and without what they load into
  // sessions. `settings` stand over theirs as well: {"lc_monetary=C"}, without blanks.
  std::string conninfo(const std::string& database,
                       const std::vector<std::string>& settings = {}) const;
  Result<std::unique_ptr<pgconn::Connection>> connect(const std::string& database) const;

  const std::string& root() const { return place_->root(); }
  std::string data_directory() const { return place_->data_directory(); }
  const std::string& socket_directory() const { return place_->socket_directory(); }
  const std::string& binaries() const { return report_.binaries; }
  std::string log_file() const;

  // Shuts it down in order; its directory stays until it is removed or kept. Again: does nothing.
  Result<void> stop();
  // Stops it, and nothing is left.
  Result<void> remove();
  // Stops it, and its directory is the user's now; `ask` is of `database`.
  Result<KeptServer> keep(const std::string& database = "postgres");

 private:
  ScratchServer(const ScratchPlan& checked, Surroundings& around);
  Result<void> make();
  Result<void> prepare_on_demand(const catalog::LineageLayout& lineage);
  Result<void> restore();
  Result<void> start();
  Result<void> replay();
  std::string wal_at_hand() const;
  Result<void> follow(const restore::RecoveryPlan& plan, Stand stand, pg::Lsn from);
  Result<void> end();
  Error kept(Error error);

  const ScratchPlan checked_;
  Surroundings around_;
  std::unique_ptr<catalog::HeldLease> lease_;
  // Destroyed from the last up: the lock goes before the guard is told, and the lease last of all.
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<Place> place_;
  std::unique_ptr<ondemand::OnDemandFiles> files_;  // null: all of them are there
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  std::unique_ptr<restore::CopyServer> server_;
  restore::RecoverReport report_;
  std::string role_;
  pg::Lsn lsn_;
  Stand stand_;
  bool stands_ = false;  // at its target: it asks for no WAL
};

}  // namespace walkback::scratch
