// The target that was typed, as a value.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "cli/options.h"
#include "restore/target.h"

namespace walkback::cli {

// kInvalid with the forms that are read. `now` is what "10 minutes ago" counts from.
Result<restore::RecoveryTarget> read_target(const TargetOptions& options, Timestamp now);

}  // namespace walkback::cli
