// A throw-away PostgreSQL cluster for tests: its own directory under /tmp, its own port, loopback
// only.
//
//   ScratchCluster cluster;
//   cluster.configure("wal_level = logical\n");
//   cluster.start();
//   cluster.sql("CREATE TABLE t (n int)");
//
// Works as root (the server then runs as postgres) and as anyone else. Test code only: what fails
// throws std::exception with PostgreSQL's words. One thread at a time; the server is stopped when
// the thread that started it ends, and its files go with the object.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "pgconn/connection.h"
#include "pgconn/testing/run_process.h"

namespace walkback::pgconn::testing {

// A port that was free a moment ago.
int free_port();

class ScratchCluster {
 public:
  // initdb, without syncing, superuser `postgres`, local connections trusted.
  explicit ScratchCluster(const Arguments& initdb_arguments = {});
  ~ScratchCluster();
  ScratchCluster(const ScratchCluster&) = delete;
  ScratchCluster& operator=(const ScratchCluster&) = delete;

  // Appended to postgresql.conf; seen by the next start() or reload.
  void configure(std::string_view lines);
  // Returns once it accepts connections.
  void start();
  // A fast shutdown; returns once the process is gone.
  void stop();
  // kill -9 of the postmaster and of all its children; returns once they are gone.
  void crash();
  bool running() const { return pid_ > 0; }

  // One statement by a session of its own; the first value of its first row, or nothing.
  Value sql(std::string_view statement, const std::string& database = "postgres");
  std::unique_ptr<Connection> connect(const std::string& database = "postgres");

  // For libpq: host, port, user and database postgres.
  std::string conninfo(const std::string& database = "postgres") const;
  std::string pgdata() const { return directory_ / "data"; }
  std::string log_file() const { return directory_ / "log"; }
  // Holds pgdata and the socket; a place for tablespaces and the like.
  const std::string& directory() const { return directory_.path(); }
  int port() const { return port_; }
  // With postgres, initdb, pg_basebackup …; of the newest version installed.
  static std::string binaries();

 private:
  void wait_until_ready();
  void end_with(int signal);

  ScratchDirectory directory_;
  int port_;
  pid_t pid_ = 0;
};

}  // namespace walkback::pgconn::testing
