#include "undo/undo_servers.h"

#include <fmt/format.h>

#include "undo/old_server.h"

namespace walkback::undo {

using scratch::ScratchPlan;
using scratch::ScratchServer;
using scratch::Stand;

UndoServers::UndoServers(scratch::ScratchOptions options, std::string id,
                         restore::PlanOptions plan_options, restore::RecoveryPlan plan,
                         scratch::Surroundings& around)
    : options_(std::move(options)),
      id_(std::move(id)),
      plan_options_(std::move(plan_options)),
      plan_(std::move(plan)),
      around_(around) {}

Result<ScratchPlan> UndoServers::check(Stand stand, std::string_view name, bool on_demand) {
  scratch::ScratchOptions scratch = options_;
  scratch.purpose = "undo";
  scratch.name = fmt::format("{}{}", id_, name);
  scratch.stand = stand;
  scratch.on_demand = scratch.on_demand && on_demand;
  return scratch::check_scratch(scratch, plan_options_, plan_, around_);
}

Result<void> UndoServers::check_promoted(bool keeps, bool changes) {
  promoted_ = TRY(check(Stand::kPromoted, "-promoted", on_demand_));
  // Why not is said once.
  on_demand_ = promoted_.options.on_demand;
  if (!keeps) return success();
  whole_ = TRY(check(Stand::kPromoted, "-kept", /*on_demand=*/false));
  if (!changes) promoted_ = *whole_;
  return success();
}

Result<void> UndoServers::check_paused() {
  paused_ = TRY(check(Stand::kPaused, "", on_demand_));
  return success();
}

Result<std::unique_ptr<ScratchServer>> UndoServers::recover_paused() {
  return ScratchServer::recover(paused_, around_);
}

Result<void> UndoServers::pass_commit(ScratchServer& server, pg::Lsn commit_end) const {
  restore::RecoveryPlan later = plan_;
  later.inclusive = true;
  later.end_lsn = commit_end;
  return server.go_on(later, Stand::kPaused);
}

Result<std::unique_ptr<ScratchServer>> UndoServers::recover_promoted() {
  return promoted(promoted_);
}

Result<std::unique_ptr<ScratchServer>> UndoServers::promoted(const ScratchPlan& checked) {
  // There is room for one.
  TRY(see_them_gone());
  if (!as_before_) return ScratchServer::recover(checked, around_);
  TRY(as_before_->promote());
  return std::move(as_before_);
}

void UndoServers::leave(std::unique_ptr<ScratchServer> server, bool is_as_before) {
  if (whole_ && is_as_before && !server->fetched().on_demand) {
    as_before_ = std::move(server);
    return;
  }
  fetched_.add(server->fetched());
  leaving_.emplace();
  leaving_->start([left = std::shared_ptr<ScratchServer>(std::move(server))](
                      const std::stop_token&) { return left->remove(); });
}

Result<void> UndoServers::see_them_gone() {
  if (!leaving_) return success();
  Result<void> gone = leaving_->wait();
  leaving_.reset();
  return gone;
}

Result<scratch::KeptServer> UndoServers::keep(pg::Xid xid, pg::Oid database,
                                              const std::string& database_name) {
  around_.progress.begin("making the server that is kept", 0);
  const std::unique_ptr<ScratchServer> server = TRY(promoted(*whole_));
  TRY(roll_back_prepared(*TRY(scratch_session(*server, database)), xid));
  fetched_.add(server->fetched());
  return server->keep(database_name);
}

}  // namespace walkback::undo
