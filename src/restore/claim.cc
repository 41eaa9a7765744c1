#include "restore/claim.h"

#include "catalog/wal_chain.h"

namespace walkback::restore {

Result<void> check_wal_is_there(const RecoveryPlan& plan, pg::Lsn from,
                                const catalog::WalArchive& archive) {
  catalog::SegmentLists lists(archive);
  const catalog::WalChain chain = TRY(catalog::WalChain::load(lists, plan.timeline));
  if (plan.end_lsn <= from || chain.end_of_stretch(from) >= plan.end_lsn) return success();
  return make_error(ErrorKind::kMissing,
                    "WAL that this recovery needs was removed since it was planned",
                    "run it again");
}

Result<std::unique_ptr<catalog::HeldLease>> claim_for(
    const RecoveryPlan& plan, const std::string& cluster, const std::string& what,
    const catalog::WalArchive& archive, store::ObjectStore& objects, Clock& clock, Random& random,
    Progress& progress, const std::stop_token& stop) {
  catalog::LeaseClaim claim;
  claim.kind = catalog::LeaseKind::kRead;
  claim.system_identifier = plan.backup.system_identifier;
  claim.backup = plan.backup.id;
  claim.what = what;
  Result<std::unique_ptr<catalog::HeldLease>> lease =
      catalog::HeldLease::take(objects, cluster, claim, clock, random);
  if (!lease.ok()) {
    progress.note("prune does not know of this recovery: " + lease.error().message);
    return std::unique_ptr<catalog::HeldLease>();
  }
  TRY(catalog::check_not_condemned(objects, cluster, archive.layout(), plan.backup.id, clock,
                                   stop));
  TRY(check_wal_is_there(plan, plan.backup.start_lsn, archive));
  return lease;
}

}  // namespace walkback::restore
