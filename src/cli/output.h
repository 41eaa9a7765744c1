// Standard output and standard error, as an interface, so that tests see what a user would.
#pragma once

#include <string_view>

#include "base/result.h"

namespace walkback::cli {

// Thread-safe; each call's text stays in one piece.
class Output {
 public:
  virtual ~Output() = default;
  virtual void out(std::string_view text) = 0;  // results
  virtual void err(std::string_view text) = 0;  // progress, errors
  // Everything written so far has left the process; kNoSpace, kIo… when results were lost.
  virtual Result<void> flush() = 0;
};

}  // namespace walkback::cli
