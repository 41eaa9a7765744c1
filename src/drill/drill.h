// `walkback drill`: recovers to a scratch server, proves what came of it, and leaves nothing behind
// but the evidence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/events.h"
#include "drill/proof.h"
#include "drill/random_target.h"
#include "drill/row_counts.h"
#include "drill/sql_checks.h"
#include "restore/plan.h"
#include "scratch/scratch_server.h"

namespace walkback::drill {

struct DrillOptions {
  scratch::ScratchOptions scratch;  // its name, purpose and stand are the drill's business
  std::vector<SqlCheck> checks;
  int check_timeout_s = 300;
  bool heap_all_indexed = true;
  bool keep = false;  // of a drill that fails: its directory
};

// What is about to be done, and was found possible. Nothing is written yet.
struct DrillPlan {
  catalog::Event event;
  std::optional<RandomTarget> random;
  scratch::ScratchPlan scratch;
};

struct DrillReport {
  std::string id;  // the event's
  restore::RecoveryPlan plan;
  std::optional<RandomTarget> random;
  catalog::DrillSummary summary;
  std::vector<Proof> proofs;
  std::vector<CheckedAnswer> checks;
  RowCounts rows;
  std::optional<std::string> compared_with;  // the drill whose rows these were held against
  std::vector<std::string> remarks;          // no failures, and worth a look
  // With `keep`, of a failed one: where it is, and what starts its server and asks it. Or empty.
  scratch::KeptServer kept;

  // Something failed; what could not be tried is no failure.
  bool passed() const;
  bool all_proved() const;
};

// Before the plan, which takes a while: see scratch::check_directory().
Result<void> check_drill_directory(const DrillOptions& options, FileSystem& files);
Result<DrillPlan> check_drill(const DrillOptions& options, const restore::PlanOptions& plan_options,
                              const restore::RecoveryPlan& plan,
                              const std::optional<RandomTarget>& random,
                              scratch::Surroundings& around);

// A recovery that does not succeed, or does not reach its target, is a drill that failed, with
// "target" as the proof that did: it is what drills are for. An error is what says nothing about
// the repository: no room, no permission, interrupted, a store that does not answer. Either way the
// history has it, and nothing of the server is left.
Result<DrillReport> run_drill(const DrillOptions& options, const DrillPlan& plan,
                              scratch::Surroundings& around);

}  // namespace walkback::drill
