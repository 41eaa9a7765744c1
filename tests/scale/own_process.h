// A story told in a process of its own, as a command is, and the most memory that it took.
#pragma once

#include <functional>
#include <string>

namespace walkback {

struct OwnProcess {
  std::string error;    // what the story returned; empty is success
  double peak_mib = 0;  // of resident memory: VmHWM of /proc/self/status
  double seconds = 0;
};

// Call while this process has one thread: the story begins in a copy of it.
OwnProcess in_own_process(const std::function<std::string()>& story);

}  // namespace walkback
