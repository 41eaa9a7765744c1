// The command line, read.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "config/config.h"

namespace walkback::cli {

// --help or --version: print it and be done.
struct Answer {
  std::string text;
};
using Parsed = std::variant<Invocation, Answer>;

// `arguments` without the program's name. Everything wrong is kInvalid, with a hint that says what
// would be right.
Result<Parsed> parse(std::span<const std::string> arguments,
                     const config::Environment& environment);

// What each command's --help says; the first, without a name, is the program's own. For tests of
// the manual.
struct CommandHelp {
  std::string command;
  std::string text;
  std::vector<std::string> options;  // "--json", hidden ones left out
};
std::vector<CommandHelp> all_help();

}  // namespace walkback::cli
