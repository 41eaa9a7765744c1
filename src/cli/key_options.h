// What the configuration says about keys, read.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "keys/options.h"

namespace walkback::cli {

// kInvalid names the key of the configuration, and never quotes what stands there.
Result<keys::Options> key_options(const config::Config& config, uint32_t user_id);

}  // namespace walkback::cli
