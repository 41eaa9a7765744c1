// The process's standard output and standard error.
#pragma once

#include <mutex>

#include "cli/output.h"

namespace walkback::app {

// Thread-safe. What is written leaves the process at once.
class StandardOutput final : public cli::Output {
 public:
  void out(std::string_view text) override;
  void err(std::string_view text) override;
  Result<void> flush() override;

 private:
  std::mutex mutex_;
  int out_errno_ = 0;  // the first failure to write a result
};

}  // namespace walkback::app
