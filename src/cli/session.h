// One run of one command: its options, its configuration, its way to speak.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/wal_origin.h"
#include "base/progress.h"
#include "catalog/server_names.h"
#include "cli/env.h"
#include "cli/exit_status.h"
#include "cli/options.h"
#include "cli/suggestion.h"
#include "cli/terminal_progress.h"
#include "config/config.h"
#include "store/remembering_store.h"

namespace walkback::cli {

// A command returns Result<ExitStatus>; an error ends the process with failure_status(), which is
// kFailed unless the step that failed was marked otherwise with failing_with().
class Session {
 public:
  Session(const GlobalOptions& global, Env& env, ExitStatus failure_status = ExitStatus::kFailed);

  const GlobalOptions& global() const { return global_; }
  Env& env() { return env_; }
  const std::string& config_path() const { return config_path_; }  // absolute
  std::string absolute(const std::string& path) const;

  // The whole configuration, --cluster over it. What is wrong with it is kBadUsage.
  Result<config::Config> load_config();
  // For `init`: what is there, if anything.
  Result<config::Config> load_partial_config();
  // What a command cannot do without, though others can: kBadUsage when empty.
  Result<void> require_pgdata(const config::Config& config);

  // Before the first write: what another user makes, root most of all, the owner's next command
  // could not read. kDenied with the line to type instead.
  Result<void> check_owner(const std::string& directory, std::string_view why);
  // The same for a repository in a directory; with `root_only`, of other users nothing is asked:
  // several servers' users may share one through a group.
  Result<void> check_repository_owner(const config::Config& config, bool root_only = false);
  // kDenied, with the line to type instead, for a private key that is another user's: a key that
  // was given to whoever looks would be out of reach of the server's archive_command.
  Result<void> check_keys_owner(const config::Config& config) const;
  // kMissing, as bad usage, for a --cluster that the repository does not know.
  Result<void> check_cluster(store::ObjectStore& objects, const config::Config& config);

  Result<std::unique_ptr<store::ObjectStore>> open_store(const config::Config& config,
                                                         Access access);
  // The same, for what only reads or adds to a repository: kMissing when there is none.
  Result<std::unique_ptr<store::ObjectStore>> open_repository(const config::Config& config,
                                                              Access access);
  // Without encryption on top, for keys/; first of a repository that may not be there yet.
  Result<std::unique_ptr<store::ObjectStore>> open_store_beneath(const config::Config& config,
                                                                 Access access);
  Result<std::unique_ptr<store::ObjectStore>> open_beneath(const config::Config& config);
  Result<std::unique_ptr<pgconn::Connection>> connect(const config::Config& config);
  catalog::ConnectTo connect_to(const config::Config& config);  // its other databases
  backup::ConnectToPrimary connect_to_primary(const config::Config& config);

  // Of a repository in two places, after what had to be done. Fails when a required place lacks
  // something.
  Result<void> catch_up(store::ObjectStore& store, store::CatchUpExtent extent,
                        std::chrono::nanoseconds at_most);

  Progress& progress();
  // For a program that looks again every minute: what repositories say of attempts and backups is
  // read once.
  void remember_small_objects();

  // From here on SIGINT and SIGTERM end the command cleanly.
  std::stop_token watch_interrupts(OnInterrupt mode);

  // What a step that found nothing found, or that the repository's directory is gone or its disk
  // not mounted, which is the likelier cause, and which `init` would make worse.
  template <typename T>
  Result<T> if_mounted(const config::Config& config, Result<T> step) const {
    if (step.ok() || step.error().kind != ErrorKind::kMissing) return step;
    TRY(check_is_there(config));
    return step;
  }

  // kMissing when a directory of the repository is gone, or empty as a mount point is.
  Result<void> check_is_there(const config::Config& config) const;

  // Commands for this caller to paste.
  const Suggestion& suggestion() const { return suggestion_; }
  // A line that is seen whatever the result: "warning: …".
  void warn(const Error& error);

  // What must not be overlooked: on standard error, with --quiet and --json too.
  void say_loudly(const std::vector<std::string>& lines);

  // The result: JSON or text, whichever was asked for, its commands completed. Call once.
  void result(const std::string& text, const std::string& json);
  // What a person should read before the result: the plan of what is about to be done.
  void show(const std::string& text);

  template <typename T>
  Result<T> failing_with(ExitStatus status, Result<T> step) {
    // wal-get knows one failure only, above what PostgreSQL takes for "not in the archive".
    if (!step.ok() && failure_status_ != ExitStatus::kWalGetFailed) failure_status_ = status;
    return step;
  }

  // Two lines, and with --json the object, unless the result's JSON holds the error already.
  ExitStatus fail(const Error& error);
  ExitStatus fail_after_result(const Error& error, ExitStatus status);

 private:
  Result<std::unique_ptr<store::ObjectStore>> opened(
      Result<std::unique_ptr<store::ObjectStore>> store);
  bool is_owned_by(const std::string& path, uint32_t user_id) const;
  Result<void> check_is_readable(const config::Config& config, const std::string& path,
                                 bool of_host) const;
  Result<config::Config> with_cluster(config::Config config) const;

  const GlobalOptions global_;
  Env& env_;
  const std::string config_path_;
  const Suggestion suggestion_;
  ExitStatus failure_status_;
  std::optional<TerminalProgress> progress_;
  struct Remembered {
    std::shared_ptr<store::ReadObjects> read;
    bool cluster_known = false;
  };
  std::map<std::string, Remembered> remembered_;  // by the place
  bool remembers_ = false;
  std::stop_token stop_;
};

}  // namespace walkback::cli
