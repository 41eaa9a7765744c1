// A scratch server that was left to be looked at.
#pragma once

#include <string>

#include "cli/suggestion.h"
#include "scratch/scratch_server.h"

namespace walkback::cli {

// How to look at it and how to discard it; empty where none was kept.
std::string kept_server_text(const scratch::KeptServer& kept, const Suggestion& suggestion);

}  // namespace walkback::cli
