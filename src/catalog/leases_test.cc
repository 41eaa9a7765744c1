#include "catalog/leases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "catalog/pins.h"
#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

class Leases : public testing::Test {
 protected:
  std::unique_ptr<HeldLease> take(LeaseKind kind, std::optional<BackupId> backup = {}) {
    LeaseClaim claim;
    claim.kind = kind;
    claim.system_identifier = {7};
    claim.backup = std::move(backup);
    claim.what = "test";
    return HeldLease::take(*objects, "main", claim, clock, random).value();
  }
  // Of a process that is not there any more, on another host.
  void leave_behind(const std::string& id, const char* process = "elsewhere/1/2") {
    const std::string text = R"({"kind": "read", "system_identifier": "7", "backup": "b1",
      "what": "recover", "host": "db2", "process": ")" +
                             std::string(process) + "\"}";
    ASSERT_TRUE(
        objects->put(store::ObjectKey("clusters/main/leases/" + id + ".4.json"), as_bytes(text))
            .ok());
  }
  std::set<std::string> dead(const std::string& id) {
    return find_dead(*objects, "main", {id}, clock, {}).value();
  }
  Result<void> check(const std::string& backup) {
    return check_not_condemned(*objects, "main", layout, {backup}, clock, {});
  }

  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  ManualClock clock;
  SeededRandom random{1};
  LineageLayout layout{"main", {7}};
};

TEST_F(Leases, IsThereWhileHeldAndSaysWhatItClaims) {
  auto lease = take(LeaseKind::kWrite);
  ASSERT_TRUE(lease->claim_backup({"b1"}).ok());
  const std::vector<Lease> leases = list_leases(*objects, "main").value();
  ASSERT_EQ(leases.size(), 1u);
  EXPECT_EQ(leases[0].id, lease->id());
  EXPECT_EQ(leases[0].counter, 2u);
  EXPECT_EQ(leases[0].claim.backup, BackupId{"b1"});
  EXPECT_EQ(leases[0].claim.kind, LeaseKind::kWrite);
  lease.reset();
  EXPECT_TRUE(list_leases(*objects, "main").value().empty());
}

TEST_F(Leases, OneThatStandsStillForLongEnoughIsDead) {
  leave_behind("abc");
  const auto began = clock.monotonic();
  EXPECT_EQ(dead("abc"), std::set<std::string>{"abc"});
  EXPECT_GE(clock.monotonic() - began, kLeaseDead);
}

TEST_F(Leases, OneWhoseHoldersClockIsYearsOffIsJudgedByItsCounterAlone) {
  leave_behind("abc");
  clock.jump_to({4'000'000'000LL * 1'000'000});
  const auto began = clock.monotonic();
  EXPECT_EQ(dead("abc"), std::set<std::string>{"abc"});
  EXPECT_GE(clock.monotonic() - began, kLeaseDead);
}

TEST_F(Leases, OneThatGoesIsNotDead) { EXPECT_TRUE(dead("gone").empty()); }

TEST_F(Leases, WhoCouldNotRenewForTooLongNoLongerHoldsIt) {
  auto lease = take(LeaseKind::kRead, BackupId{"b1"});
  EXPECT_TRUE(lease->check_held().ok());
  clock.advance(kLeaseLost);
  EXPECT_EQ(lease->check_held().error().kind, ErrorKind::kConflict);
  EXPECT_LT(kLeaseLost + kLeaseRenewal, kLeaseDead);
}

TEST_F(Leases, AMarkOfADeadPruneIsNoHindranceAndOneOfABackupThatIsGoneIs) {
  ASSERT_TRUE(objects->put(layout.manifest({"b1"}), as_bytes("x")).ok());
  ASSERT_TRUE(put_mark(*objects, "main", {"nobody", {7}, {{"b1"}}, {}}).ok());
  EXPECT_TRUE(check("b1").ok());
  leave_behind("nobody");
  EXPECT_TRUE(check("b1").ok());
  EXPECT_EQ(check("b2").error().kind, ErrorKind::kMissing);
}

TEST_F(Leases, PinsTakeEachOthersPlace) {
  ASSERT_TRUE(put_pin(*objects, layout, {"b1"}, {Timestamp{5'000'000}}, random).ok());
  ASSERT_TRUE(put_pin(*objects, layout, {"b1"}, {}, random).ok());
  EXPECT_EQ(list_pins(*objects, layout).value().at({"b1"}).until, std::nullopt);
  EXPECT_TRUE(remove_pin(*objects, layout, {"b1"}).value());
  EXPECT_TRUE(list_pins(*objects, layout).value().empty());
}

}  // namespace
}  // namespace walkback::catalog
