#include "app/standard_output.h"

#include <cerrno>
#include <cstdio>

namespace walkback::app {

// A person watches: the plan must be on the screen before the work begins, not when the buffer is
// full.
void StandardOutput::out(std::string_view text) {
  std::lock_guard lock(mutex_);
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if ((!written || std::fflush(stdout) != 0) && out_errno_ == 0) out_errno_ = errno;
}

void StandardOutput::err(std::string_view text) {
  std::lock_guard lock(mutex_);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

Result<void> StandardOutput::flush() {
  std::lock_guard lock(mutex_);
  if (std::fflush(stdout) != 0 && out_errno_ == 0) out_errno_ = errno;
  if (out_errno_ == 0) return success();
  return errno_error(out_errno_, "writing the result to standard output");
}

}  // namespace walkback::app
