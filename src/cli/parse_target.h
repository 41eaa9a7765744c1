// The moment that plan, recover and drill go to, as it was typed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/options.h"
#include "cli/parse_command.h"

namespace walkback::cli {

// `group` is what help calls them.
void add_target(CLI::App& app, const char* group = "TARGET (exactly one)");

// Those that were given: "--xid".
std::vector<std::string> targets_named(const CLI::App& app);

// kInvalid unless exactly one was given. What it means, cli/read_target.h finds out.
Result<TargetOptions> target_typed(const CLI::App& app);

}  // namespace walkback::cli
