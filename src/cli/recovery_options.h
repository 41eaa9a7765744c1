// What the commands that recover have in common: `plan`, `recover`, `drill`.
#pragma once

#include <stop_token>

#include "base/result.h"
#include "cli/options.h"
#include "cli/session.h"
#include "config/config.h"
#include "restore/plan.h"
#include "restore/target_directory.h"
#include "store/object_store.h"

namespace walkback::cli {

// What can be wrong with it is bad usage.
Result<restore::PlanOptions> plan_options(const TargetOptions& target, const config::Config& config,
                                          Session& session);

// A target that cannot be reached has its own exit status; a repository that does not answer is a
// failure.
Result<restore::RecoveryPlan> make_plan(const restore::PlanOptions& options,
                                        store::ObjectStore& store, std::stop_token stop,
                                        Session& session);

// The cluster of the configuration, and its repository.
restore::Neighbours neighbours_of(const config::Config& config);

// A copy belongs to who makes it, and no server of root's would start: kDenied with the line to
// type instead.
Result<void> check_not_root(const config::Config& config, Session& session);

}  // namespace walkback::cli
