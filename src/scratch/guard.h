// The process that cleans up after ours when it was killed.
//
// It waits on a pipe whose other end only we hold. We let it go with one byte; an end without that
// byte is our death, and then it ends the server and removes the directory. It runs walkback itself
// anew (`walkback scratch-guard ROOT`), in a session of its own and deaf to what a terminal or
// systemd sends to all: after fork() a process with threads may not do what it has to do.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/result.h"

namespace walkback::scratch {

inline constexpr const char* kGuardCommand = "scratch-guard";

// Ours. One thread at a time.
class Guard {
 public:
  // Of `root`, which need not be there yet. `program` is walkback's path.
  static Result<std::unique_ptr<Guard>> start(const std::string& program, const std::string& root);
  // As if we had been killed, unless it was let go.
  ~Guard();
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // There is nothing left to clean up, or it is to be kept.
  void let_go();

 private:
  Guard(int pipe, pid_t process) : pipe_(pipe), process_(process) {}
  void end();
  int pipe_;
  pid_t process_;
};

// The other one's: returns its exit status. `input` is the pipe.
int run_guard(int input, const std::string& root, FileSystem& files, Clock& clock);

}  // namespace walkback::scratch
