// What the commands that recover have in common: `plan`, `recover`, `drill`, `undo`, `rescue`.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "cli/session.h"
#include "config/config.h"
#include "restore/plan.h"
#include "restore/target_directory.h"
#include "scratch/scratch_server.h"
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

// Of a scratch server in `directory`, which is absolute.
scratch::ScratchOptions scratch_options(std::string directory, const config::Config& config,
                                        Session& session);
// For who only reads old rows: what was asked for; else where `drill` has its own, else beside the
// cluster, as large as that, on a disk that has room for it as a rule.
Result<std::string> scratch_directory(const std::optional<std::string>& into,
                                      const config::Config& config, Session& session);

// A copy belongs to who makes it, and no server of root's would start: kDenied with the line to
// type instead.
Result<void> check_not_root(const config::Config& config, Session& session);

}  // namespace walkback::cli
