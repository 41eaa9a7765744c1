// Starting another program. Linux only.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace walkback {

enum class ProcessGroup {
  kOurs,
  kOwn,         // a Ctrl-C reaches it through us alone, and all of it can be ended
  kOwnSession,  // and it outlives our terminal
};

// It has no signal blocked or ignored, and of our descriptors only these three.
struct ProcessStart {
  static constexpr int kNothing = -1;  // /dev/null

  std::vector<std::string> command;                                 // the program's path first
  std::vector<std::pair<std::string, std::string>> variables = {};  // beside our environment
  int input = kNothing;
  int output = kNothing;
  int errors = kNothing;
  ProcessGroup group = ProcessGroup::kOurs;
  // What the kernel sends it when the thread that started it ends, however that ends
  // (PR_SET_PDEATHSIG, prctl(2)). 0: nothing.
  int signal_at_our_end = 0;
};

// The caller waits for it, or leaves it to init by ending first. A program that cannot be run is an
// error, but with `signal_at_our_end`: then it is an exit status of 127.
Result<pid_t> start_process(const ProcessStart& start);

// Waits for it, whatever interrupts: its status, as of waitpid(2).
int wait_for_process(pid_t process);
// Of such a status; 128 and the signal where one ended it.
int exit_status_of(int status);

}  // namespace walkback
