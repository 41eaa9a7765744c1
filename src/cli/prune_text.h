// What prune did, or would do.
#pragma once

#include <string>

#include "retention/prune.h"

namespace walkback::cli {

std::string prune_text(const retention::PruneReport& report, bool keeps_everything);
std::string prune_json(const retention::PruneReport& report);

}  // namespace walkback::cli
