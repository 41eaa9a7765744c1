// Which keys this host has and encrypts to, beside those that the repository knows.
#pragma once

#include "base/result.h"
#include "health/facts.h"
#include "keys/key_env.h"

namespace walkback::health {

Result<KeyFacts> look_at_keys(const keys::KeyEnv& env);

}  // namespace walkback::health
