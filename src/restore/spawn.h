// Starting programs of PostgreSQL. Linux only: sessions and closing of descriptors at the start.
#pragma once

#include <sys/types.h>

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

}  // namespace walkback::restore
