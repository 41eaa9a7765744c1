// A command of the user's, given a text on its standard input. Internal to alert.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace walkback::alert {

// `sh -c command`, with `variables` beside this process's own, its output discarded. It has so long
// before it and what it started are killed. An exit status other than 0 is an error, with the last
// line that it wrote to its standard error; kTransient when it took too long. SIGPIPE must be
// ignored, as it is in this program.
Result<void> run_command(const std::string& command, const std::string& input,
                         const std::vector<std::pair<std::string, std::string>>& variables,
                         std::chrono::milliseconds at_most);

}  // namespace walkback::alert
