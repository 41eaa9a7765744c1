// What a command took of the repository to read old rows.
#pragma once

#include <string>

#include "base/json.h"
#include "scratch/scratch_server.h"

namespace walkback::cli {

// A line; nothing where nothing was taken.
std::string fetched_text(const scratch::Fetched& fetched);
Json fetched_json(const scratch::Fetched& fetched);

}  // namespace walkback::cli
