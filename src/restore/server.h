// The PostgreSQL server of a recovered copy: starting it, following its replay, asking where it
// stands.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "pg/types.h"
#include "restore/host_lock.h"

namespace walkback::restore {

// The directory with postgres, pg_ctl: `configured` if set, else Debian's
// /usr/lib/postgresql/MAJOR/bin, else PATH. The binary must be of this major version; kMissing with
// a hint otherwise.
Result<std::string> find_server_binaries(const std::string& configured, int major);

// Where that server's loadable libraries are (pg_config --pkglibdir).
Result<std::string> find_library_directory(const std::string& binaries);

struct ServerOptions {
  std::string binaries;  // directory
  std::string data_directory;
  int port = 0;
  std::string socket_directory;
  std::string log_file;  // stdout and stderr of the server
  int server_version_num = 0;
  // How long a server that says it is ready may turn us away before state() takes that for an
  // answer.
  std::chrono::milliseconds patience = std::chrono::seconds(15);
  // Whether it is shut down at once (SIGQUIT) when the calling thread ends, however that ends.
  bool ends_with_us = false;
  // Given on the command line, where they win over every file.
  std::vector<std::pair<std::string, std::string>> settings;
};

struct ReplayState {
  bool accepting_connections = false;
  bool in_recovery = true;
  bool paused = false;
  pg::Lsn replayed;                      // end of the last record replayed, when known
  std::optional<Timestamp> last_commit;  // pg_last_xact_replay_timestamp()
};

// A server that this process started. Does not stop it when destroyed: a recovered copy goes on.
class CopyServer {
 public:
  virtual ~CopyServer() = default;
  // Alive, and how far; asked over the socket as the owner. A server that has exited is kIo with
  // its last words (FATAL or PANIC, with the detail) from the log; one that runs and lets nobody in
  // is kDenied.
  virtual Result<ReplayState> state() = 0;
  virtual Result<void> stop() = 0;  // fast shutdown, waits
  virtual Result<void> end() = 0;   // immediate shutdown, waits: of one that nobody starts again
  virtual int pid() const = 0;
  // As whom it was asked; empty until it answered.
  virtual std::string role() const = 0;
};

// Runs postgres directly in its own session (setsid), -D and -c data_directory= config_file=
// hba_file= ident_file= external_pid_file= port= unix_socket_directories= given on the command line
// so that no saved path can point it at another cluster. Returns once the process runs; recovery
// goes on. kDenied as root, which PostgreSQL refuses. Once it has exited it is reaped by state() or
// stop().
Result<std::unique_ptr<CopyServer>> start_copy(const ServerOptions& options);

// A directory for the socket whose path fits sun_path (107 bytes): the data directory, else a new
// one in /tmp.
Result<std::string> choose_socket_directory(const std::string& data_directory);
// A port that no other recovery of this host takes while this one holds it: between its choice and
// the server's listening lies the whole restore.
struct ReservedPort {
  int port = 0;
  HostLock lock;
};
// One that nothing on this host listens on now: from 5433 up, the next to PostgreSQL's own, where
// people look.
Result<ReservedPort> reserve_free_port();
// This one: kConflict when something listens on it or another recovery is about to, kDenied when
// this user may not listen there.
Result<ReservedPort> reserve_port(int port);
// kConflict when something listens on it now, kDenied when this user may not listen there.
Result<void> check_port_is_free(int port);

}  // namespace walkback::restore
