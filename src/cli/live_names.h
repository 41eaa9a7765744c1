// What the running server calls its tables.
#pragma once

#include <optional>

#include "catalog/names.h"
#include "cli/session.h"

namespace walkback::cli {

// When it answers at once: names that no backup has seen yet.
std::optional<catalog::Names> live_names(const config::Config& config, Session& session);

}  // namespace walkback::cli
