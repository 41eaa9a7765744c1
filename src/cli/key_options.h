// What the configuration says about keys, read.
#pragma once

#include <string>

#include "base/result.h"
#include "config/config.h"
#include "keys/options.h"

namespace walkback::cli {

// kInvalid names the key of the configuration, and never quotes what stands there.
Result<keys::Options> key_options(const config::Config& config, uint32_t user_id);

// Where `init` puts keys unless the configuration says otherwise: beside it.
// "/etc/walkback/walkback.toml" and "host" give "/etc/walkback/walkback.host.key".
std::string key_file_beside(const std::string& config_path, std::string_view whose);

}  // namespace walkback::cli
