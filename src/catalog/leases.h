// Leases: who uses what of a cluster's repository, so that prune on any host leaves it alone.
//
//   clusters/NAME/leases/ID.COUNTER.json   renewed by putting the next counter, then removing this
//   clusters/NAME/leases/ID.mark.json      what the prune that holds lease ID is about to remove
//
// No host's clock is ever compared with another's: a lease lives while its counter moves, as
// whoever asks sees it by its own monotonic clock. A user puts its lease and then looks for marks;
// prune puts its mark and then looks for leases: one of them sees the other
// (docs/design/retention.md).
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/backup_summary.h"
#include "catalog/layout.h"
#include "store/object_store.h"

namespace walkback::catalog {

enum class LeaseKind {
  // A recovery: its backup, and all WAL from its start on. Without a backup (a verification): all
  // backups there are.
  kRead,
  kWrite,  // a backup: its parent likewise, and packs that nothing refers to yet
  kPrune,  // holds no more than its own mark
};

struct LeaseClaim {
  LeaseKind kind = LeaseKind::kRead;
  pg::SystemIdentifier system_identifier;
  std::optional<BackupId> backup;
  std::string what;     // for people: "recover", "backup"
  std::string host;     // for people
  std::string process;  // which process of which boot of which machine; only compared
};

struct Lease {
  std::string id;
  uint64_t counter = 0;
  LeaseClaim claim;
};

// Renewed every kLeaseRenewal; whoever held one for kLeaseLost without renewing it no longer relies
// on it, which is well before anybody takes it for dead.
inline constexpr std::chrono::seconds kLeaseRenewal{20};
inline constexpr std::chrono::seconds kLeaseLost{150};
inline constexpr std::chrono::seconds kLeaseDead{300};

// Held until destroyed. Its methods may be called by one thread; a thread of its own renews it.
class HeldLease {
 public:
  // `claim`'s host and process are filled in. On success it is durable.
  static Result<std::unique_ptr<HeldLease>> take(store::ObjectStore& objects, std::string cluster,
                                                 LeaseClaim claim, Clock& clock, Random& random);
  ~HeldLease();  // releases it

  const std::string& id() const;
  // Now it also protects this backup. Durable on success.
  Result<void> claim_backup(const BackupId& backup);
  // kConflict when it was not renewed for so long that prune may take it for dead.
  Result<void> check_held() const;
  // For loops that wait: as its thread does, by the clock it was given.
  Result<void> renew_if_due();

 private:
  struct State;
  explicit HeldLease(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

Result<std::vector<Lease>> list_leases(store::ObjectStore& objects, const std::string& cluster);
Result<void> remove_lease(store::ObjectStore& objects, const std::string& cluster,
                          const Lease& lease);

// What a prune is about to remove.
struct PruneMark {
  std::string lease;  // the prune's
  pg::SystemIdentifier system_identifier;
  std::vector<BackupId> removed;
  std::vector<BackupId> thinned;  // these stay, and WAL after their stop goes
  bool names(const BackupId& id) const;
};
Result<void> put_mark(store::ObjectStore& objects, const std::string& cluster,
                      const PruneMark& mark);
Result<void> remove_mark(store::ObjectStore& objects, const std::string& cluster,
                         const std::string& lease);
Result<std::vector<PruneMark>> list_marks(store::ObjectStore& objects, const std::string& cluster);

// Watches the leases `in_the_way` until each has moved, gone or stood still for kLeaseDead, and
// gives the ids of the dead. Returns at once for one whose process ended on this very host. `own`
// is renewed meanwhile.
Result<std::set<std::string>> find_dead(store::ObjectStore& objects, const std::string& cluster,
                                        const std::set<std::string>& in_the_way, Clock& clock,
                                        std::stop_token stop, HeldLease* own = nullptr);

// To be asked by who holds a lease on `backup`, before relying on it: kConflict when a live prune
// is about to remove it or the WAL after it, kMissing when it is gone already.
Result<void> check_not_condemned(store::ObjectStore& objects, const std::string& cluster,
                                 const LineageLayout& layout, const BackupId& backup, Clock& clock,
                                 std::stop_token stop);

}  // namespace walkback::catalog
