// What a command printed, for tests.
#pragma once

#include <mutex>
#include <string>

#include "cli/output.h"

namespace walkback::cli {

// Thread-safe to write to; read the texts when nobody writes.
class CapturedOutput final : public Output {
 public:
  void out(std::string_view text) override {
    std::lock_guard lock(mutex_);
    out_text += text;
  }
  void err(std::string_view text) override {
    std::lock_guard lock(mutex_);
    err_text += text;
  }
  Result<void> flush() override {
    if (lost) return make_error(ErrorKind::kNoSpace, "writing to standard output: no space");
    return success();
  }

  std::string out_text, err_text;
  bool lost = false;

 private:
  std::mutex mutex_;
};

}  // namespace walkback::cli
