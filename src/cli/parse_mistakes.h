// What was wrong with a line that could not be read, and what would be right.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace walkback::cli {

// The line ends where one of the commands of `app`, the program or a group, has to follow.
Error no_command(const CLI::App& app);

// What `program` met while it parsed the words that were `typed`.
Error parse_failure(const CLI::App& program, const CLI::ParseError& error,
                    std::span<const std::string> typed);

}  // namespace walkback::cli
