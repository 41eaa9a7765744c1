// Starting programs of PostgreSQL.
#pragma once

#include <sys/types.h>

#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"

namespace walkback::restore {

using CommandLine = std::vector<std::string>;  // the program's path first

// Its standard output, once it has exited with 0; anything else is kIo.
Result<std::string> output_of(const CommandLine& command);

// In a session of its own, so that a Ctrl-C here does not reach it; its output is appended to
// `log_file`. The caller waits for it, or leaves it to init by exiting first.
Result<pid_t> start_detached(const CommandLine& command, const std::string& log_file);

// The same, and the kernel sends it SIGQUIT when the thread that called this ends, however it ends.
Result<pid_t> start_tied(const CommandLine& command, const std::string& log_file);

// In a session of its own, with `input` as its standard input and no output.
Result<pid_t> start_with_input(const CommandLine& command, int input);

struct Finished {
  int exit_status = 0;  // 128 and the signal where one ended it
  std::string output;   // both of its outputs, as they came
};
// Waits for it. Asked to stop, it sends it SIGTERM and is kCancelled.
Result<Finished> run_to_end(const CommandLine& command, const std::stop_token& stop);

}  // namespace walkback::restore
