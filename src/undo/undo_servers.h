// The scratch servers of one undo, one after the other in one directory: paused at the
// transaction's commit, where its rows have their places; promoted, so that the transaction never
// happened; and promoted and whole, to be kept.
//
// It owns the one that may still become the one that is kept, and those that are on their way out:
// a server goes while its rows are compared. Destroyed, it waits for that. One thread, which
// outlives it. Errors are those of scratch/scratch_server.h.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task_group.h"
#include "pg/types.h"
#include "restore/plan.h"
#include "scratch/scratch_server.h"

namespace walkback::undo {

class UndoServers {
 public:
  // `plan` ends just before the commit; `id` is the event's. `around` outlives this.
  UndoServers(scratch::ScratchOptions options, std::string id, restore::PlanOptions plan_options,
              restore::RecoveryPlan plan, scratch::Surroundings& around);

  // What can be refused of each is refused before anything is fetched: of the promoted ones first.
  // `keeps`: one is kept. `changes`: the promoted one is written to, so it is none to be kept.
  Result<void> check_promoted(bool keeps, bool changes);
  Result<void> check_paused();

  Result<std::unique_ptr<scratch::ScratchServer>> recover_paused();
  // The paused one goes on to just after the commit, which ends at `commit_end`.
  Result<void> pass_commit(scratch::ScratchServer& server, pg::Lsn commit_end) const;
  Result<std::unique_ptr<scratch::ScratchServer>> recover_promoted();
  // It is not needed any more; `is_as_before`: nor has it left the state before the commit.
  void leave(std::unique_ptr<scratch::ScratchServer> server, bool is_as_before);
  // Waits until those that were left are gone.
  Result<void> see_them_gone();
  // A server on which `xid` never happened, stopped; what to ask of it is of `database`.
  Result<scratch::KeptServer> keep(pg::Xid xid, pg::Oid database, const std::string& database_name);

  // For all of them, those left and the one kept.
  const scratch::Fetched& fetched() const { return fetched_; }

 private:
  Result<scratch::ScratchPlan> check(scratch::Stand stand, std::string_view name, bool on_demand);
  Result<std::unique_ptr<scratch::ScratchServer>> promoted(const scratch::ScratchPlan& checked);

  const scratch::ScratchOptions options_;
  const std::string id_;
  const restore::PlanOptions plan_options_;
  const restore::RecoveryPlan plan_;
  scratch::Surroundings& around_;
  bool on_demand_ = true;  // until it is known that this host cannot
  scratch::ScratchPlan paused_, promoted_;
  std::optional<scratch::ScratchPlan> whole_;          // of what is kept
  std::unique_ptr<scratch::ScratchServer> as_before_;  // it, as long as it may be
  scratch::Fetched fetched_;
  std::optional<TaskGroup> leaving_;
};

}  // namespace walkback::undo
