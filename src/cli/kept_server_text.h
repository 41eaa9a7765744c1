// A scratch server that was left to be looked at.
#pragma once

#include <string>

#include "cli/suggestion.h"

namespace walkback::cli {

// How to look at it and how to discard it. `kept` is its directory, or empty; `start` and `ask` are
// empty where it never ran.
std::string kept_server_text(const std::string& kept, const std::string& start,
                             const std::string& ask, const Suggestion& suggestion);

}  // namespace walkback::cli
