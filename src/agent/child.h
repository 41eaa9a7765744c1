// A job as a process of its own. Linux only.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace walkback::agent {

class Job {
 public:
  virtual ~Job() = default;
  // Once it has ended; 128 and the signal where one ended it.
  virtual std::optional<int> exit_status() = 0;
  // As Ctrl-C does by hand: it ends by itself, soon. Once.
  virtual void interrupt() = 0;
};

// `command`, the program's path first. Both its outputs go to our standard error. In a process
// group of its own, so that a Ctrl-C reaches it through us alone; when the thread that called this
// ends, however it ends, the kernel sends it SIGTERM, once for each thread that we had: it is
// interrupted or killed. Destroying it waits for it.
Result<std::unique_ptr<Job>> start_child(const std::vector<std::string>& command);

}  // namespace walkback::agent
