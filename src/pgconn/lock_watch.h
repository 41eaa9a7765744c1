// Tells whom a session waits for while it waits, and hears the user in its place.
//
// A statement that wants a lock says nothing until it has it, and libpq listens to nobody else
// meanwhile: a transaction that somebody left open would look like a command that hangs.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "base/progress.h"
#include "base/result.h"
#include "pgconn/connection.h"

namespace walkback::pgconn {

class LockWatch {
 public:
  using Connect = std::function<Result<std::unique_ptr<Connection>>()>;
  // Looks at the session of `backend` (its process ID) once a second, by a session of its own that
  // it opens at the first look; says each holder of a lock that it waits for once. When `stop` is
  // asked for, cancels the statement that runs, which ends with an error then. Without a session of
  // its own (the server has no slot left) it does neither. `progress` outlives it.
  LockWatch(Connect connect, int backend, Progress& progress, std::stop_token stop);
  // Waits for a look that is under way: behind it nothing is cancelled any more.
  ~LockWatch();
  LockWatch(const LockWatch&) = delete;
  LockWatch& operator=(const LockWatch&) = delete;

 private:
  void run(const std::stop_token& over);
  void look();
  Connection* session();

  const Connect connect_;
  const int backend_;
  Progress& progress_;
  const std::stop_token stop_;
  std::unique_ptr<Connection> session_;
  std::set<std::string> said_;  // holders, by process
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace walkback::pgconn
