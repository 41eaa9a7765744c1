// From a command line to an exit status.
#pragma once

#include <span>
#include <string>

#include "cli/env.h"
#include "cli/exit_status.h"

namespace walkback::cli {

// `arguments` without the program's name. Prints everything there is to print.
ExitStatus run(std::span<const std::string> arguments, Env& env);

}  // namespace walkback::cli
