#include "cli/target_record.h"

namespace walkback::cli {

namespace {

TargetRecord from(const std::optional<restore::PlanRecord>& record) {
  return record ? TargetRecord{record->time, record->xid} : TargetRecord{};
}

}  // namespace

TargetRecord target_record(const restore::RecoveryPlan& plan) {
  using restore::TargetKind;
  if (plan.before_removal) return {plan.before_removal->ended_at, plan.before_removal->xid};
  TargetRecord found;
  switch (plan.target.kind) {
    case TargetKind::kTime:
      return {plan.target.time, std::nullopt};
    case TargetKind::kXid:
      found = from(plan.last_replayed);
      break;
    case TargetKind::kBeforeXid:
      found = from(plan.first_left_out);
      break;
    case TargetKind::kName:
    case TargetKind::kLsn:
    case TargetKind::kLatest:
    case TargetKind::kImmediate:
      return {};
  }
  if (!found.xid) found.xid = plan.target.xid;
  return found;
}

}  // namespace walkback::cli
