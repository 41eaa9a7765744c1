// SIGINT and SIGTERM as a stop_token.
#pragma once

#include <stop_token>
#include <thread>

#include "cli/env.h"

namespace walkback::app {

// Until watch() signals do what they always do: wal-push and wal-get, which never call it, just
// die, as PostgreSQL expects of them. A second signal kills, whatever the command waits for. One
// for each process.
class Interrupts {
 public:
  Interrupts() = default;
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // Call once.
  std::stop_token watch(cli::OnInterrupt mode);

 private:
  void wait_for_signal(cli::OnInterrupt mode);

  int pipe_[2] = {-1, -1};
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace walkback::app
