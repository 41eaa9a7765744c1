// What [retention] says.
#pragma once

#include "catalog/promise.h"
#include "config/config.h"
#include "retention/policy.h"

namespace walkback::cli {

retention::Policy policy_of(const config::Config& config);
// Of it, what concerns WAL.
catalog::Promise promise_of(const config::Config& config);

}  // namespace walkback::cli
