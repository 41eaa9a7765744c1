#include "retention/prune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/testing/manual_clock.h"
#include "catalog/backups.h"
#include "catalog/events.h"
#include "catalog/leases.h"
#include "catalog/pins.h"
#include "catalog/sealed_message.h"
#include "catalog/testing/scratch_archive.h"
#include "catalog/verified.h"
#include "catalog/verified.pb.h"
#include "catalog/wal_chain.h"
#include "store/testing/faulty_store.h"

namespace walkback::retention {
namespace {

using catalog::at;
using catalog::BackupId;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kLineage = "clusters/main/";

// Calls somebody whenever prune waits.
class WatchedClock final : public Clock {
 public:
  WatchedClock(ManualClock& clock, std::function<void()> on_sleep)
      : clock_(clock), on_sleep_(std::move(on_sleep)) {}
  Timestamp now() override { return clock_.now(); }
  std::chrono::nanoseconds monotonic() override { return clock_.monotonic(); }
  void sleep(std::chrono::nanoseconds duration) override {
    clock_.sleep(duration);
    on_sleep_();
  }

 private:
  ManualClock& clock_;
  std::function<void()> on_sleep_;
};

class Prune : public testing::Test {
 protected:
  Prune() {
    for (int i = 0; i < 5; ++i) {
      const catalog::BackupSummary backup = archive.backup(first, i * 100, i * 100 + 10);
      for (int row = 0; row < 30; ++row) first.insert(60'000);
      first.commit(700 + static_cast<pg::Xid>(i), i * 100 + 50);
    }
    archive.put_all(first);
    options.cluster = "main";
    options.policy.window = std::chrono::seconds(150);
    clock.jump_to(at(450));
  }
  std::vector<std::string> backups() {
    std::vector<std::string> ids;
    for (const auto& backup :
         catalog::list_backups(archive.objects(), archive.wal().layout()).value()) {
      ids.push_back(backup.id.text);
    }
    return ids;
  }
  Result<PruneReport> prune(store::ObjectStore& objects) {
    return run_prune(options, objects, clock, random, progress, {});
  }
  std::string pack(const char* digit) {
    std::string hex;
    while (hex.size() < 32) hex += digit;
    return archive.wal().layout().pack_prefix() + "/" + hex.substr(0, 2) + "/" + hex + ".zst";
  }
  bool there(const std::string& key) {
    return archive.objects().info(store::ObjectKey(key)).value().has_value();
  }
  // By any prune.
  std::vector<BackupId> said_to_be_removed() {
    std::set<BackupId> removed;
    for (const catalog::Event& event : catalog::list_events(archive.objects(), "main").value()) {
      if (event.removed) removed.insert(event.removed->begin(), event.removed->end());
    }
    return {removed.begin(), removed.end()};
  }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    EXPECT_TRUE(archive.objects()
                    .list(kLineage, "",
                          [&](const store::ObjectInfo& info) {
                            if (info.key.text().find("/events/") == std::string::npos) {
                              found.push_back(info.key.text());
                            }
                            return true;
                          })
                    .ok());
    return found;
  }
  // What a verification writes down.
  void verified(const std::string& name, int64_t proved_s, int64_t damaged_s) {
    catalog::proto::verified::Record record;
    catalog::proto::verified::Object& object = *record.add_object();
    object.set_name(name);
    if (proved_s > 0) object.set_at_unix_us(at(static_cast<double>(proved_s)).unix_us);
    if (damaged_s > 0) object.set_damaged_at_unix_us(at(static_cast<double>(damaged_s)).unix_us);
    const store::ObjectKey key(
        fmt::format("{}{}.zst", archive.wal().layout().verified_folder(), ++records));
    ASSERT_TRUE(catalog::put_sealed(archive.objects(), key, repo::SealedKind::kVerified,
                                    catalog::kVerifiedVersion, 1, record.SerializeAsString())
                    .ok());
  }
  std::unique_ptr<catalog::HeldLease> lease(catalog::LeaseKind kind,
                                            std::optional<BackupId> backup) {
    catalog::LeaseClaim claim;
    claim.kind = kind;
    claim.system_identifier = archive.wal().lineage().system_identifier;
    claim.backup = std::move(backup);
    claim.what = "recover";
    return catalog::HeldLease::take(archive.objects(), "main", claim, lease_clock, random).value();
  }

  catalog::ScratchArchive archive;
  catalog::ScratchTimeline first{1};
  PruneOptions options;
  int records = 0;
  ManualClock clock, lease_clock;
  SeededRandom random{5};
  Progress& progress = silent_progress();
};

// backup-5 is the newest; what it would be alone with is of no use to anybody.
TEST_F(Prune, ABackupThatLacksItsWalIsNotTheLastGoodOne) {
  options.policy = {};
  options.policy.count = 1;
  const catalog::BackupSummary& newest = archive.backups().back();
  archive.lose(first.file(newest.start_lsn.value / archive.wal().segment_bytes()));
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_THAT(backups(), ElementsAre("backup-4", "backup-5"));
}

TEST_F(Prune, ABackupWhoseManifestIsDamagedIsNotTheLastGoodOne) {
  options.policy = {};
  options.policy.count = 1;
  for (const char* damaged : {"backup-5", "backup-4"}) {
    archive.overwrite(archive.wal().layout().manifest({damaged}), "no manifest");
  }
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_THAT(backups(), ElementsAre("backup-3", "backup-5"));
}

TEST_F(Prune, ABackupWhoseManifestIsDamagedTakesNoOthersPlace) {
  options.policy = {};
  options.policy.count = 2;
  archive.overwrite(archive.wal().layout().manifest({"backup-4"}), "no manifest");
  const auto report = prune(archive.objects());
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(backups(), ElementsAre("backup-3", "backup-4", "backup-5"));
  EXPECT_THAT(report->lineages[0].plan.decisions[3].remarks,
              ElementsAre(HasSubstr("does not count")));
}

// A segment that the third needs to become consistent, and nobody else.
TEST_F(Prune, WhatAVerificationFoundDamagedDoesNotCountUntilItIsFoundWhole) {
  options.policy = {};
  options.policy.count = 3;
  options.dry_run = true;
  const auto goes = [&] {
    const auto report = prune(archive.objects());
    EXPECT_TRUE(report.ok());
    std::vector<std::string> ids;
    for (const Decision& decision : report->lineages[0].plan.decisions) {
      if (!decision.keep()) ids.push_back(decision.backup.id.text);
    }
    return ids;
  };
  EXPECT_THAT(goes(), ElementsAre("backup-1", "backup-2"));
  const pg::Lsn start = archive.backups()[2].start_lsn;
  const std::string segment = archive.wal()
                                  .layout()
                                  .wal_file(first.file(start.value / archive.wal().segment_bytes()))
                                  .text()
                                  .substr(archive.wal().layout().folder().size());
  verified(segment, 0, 50);
  EXPECT_THAT(goes(), ElementsAre("backup-1")) << "it stays to be mended";
  verified(segment, 60, 0);
  EXPECT_THAT(goes(), ElementsAre("backup-1", "backup-2"));
  verified("backups/backup-5/manifest.zst", 0, 50);
  EXPECT_THAT(goes(), ElementsAre("backup-1")) << "beside three that count";
}

TEST_F(Prune, WhereNoBackupIsWholeNoneGoes) {
  for (const auto& backup : archive.backups()) {
    archive.overwrite(archive.wal().layout().manifest(backup.id), "no manifest");
  }
  options.policy = {};
  options.policy.count = 1;
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_EQ(backups().size(), 5u);
}

// Or the cluster was down for a month.
TEST_F(Prune, AClockThatIsAheadEmptiesNoWindow) {
  const auto before = prune(archive.objects());
  ASSERT_TRUE(before.ok());
  const std::vector<std::string> kept = backups();
  clock.jump_to(at(450 + 30 * 86400));
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_EQ(backups(), kept);
}

TEST_F(Prune, WhatTheWindowDoesNotNeedGoesAndAllElseStays) {
  const auto report = prune(archive.objects());
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_THAT(backups(), ElementsAre("backup-3", "backup-4", "backup-5"));
  EXPECT_GT(report->lineages[0].segments_removed, 0u);
  catalog::SegmentLists lists(archive.wal());
  const auto chain = catalog::WalChain::load(lists, {1});
  ASSERT_TRUE(chain.ok());
  EXPECT_EQ(chain->stretches().size(), 1u);
  EXPECT_LE(chain->stretches()[0].begin, archive.backups()[2].start_lsn);
  EXPECT_EQ(chain->stretches()[0].begin.value / archive.wal().segment_bytes(),
            archive.backups()[2].start_lsn.value / archive.wal().segment_bytes());
  // Nothing of it is left: no lease, no mark, no index without its segment.
  for (const std::string& name : names()) {
    EXPECT_THAT(name, testing::Not(HasSubstr("/leases/")));
    EXPECT_THAT(name, testing::Not(HasSubstr("backup-1/")));
  }
}

TEST_F(Prune, ItSaysHowFarBackRecoveriesReachAfterwards) {
  options.dry_run = true;
  const auto before = prune(archive.objects());
  ASSERT_TRUE(before.ok());
  EXPECT_EQ(before->lineages[0].earliest->backup.text, "backup-3") << "what would be";
  options.dry_run = false;
  const auto report = prune(archive.objects());
  ASSERT_TRUE(report.ok());
  const LineageReport& lineage = report->lineages[0];
  EXPECT_EQ(lineage.earliest->backup.text, "backup-3");
  EXPECT_EQ(lineage.earliest->from, archive.backups()[2].stopped_at);
  EXPECT_EQ(lineage.earliest_with_wal->backup.text, "backup-3");
}

TEST_F(Prune, ABackupThatStandsAloneIsToldFromOneWithWal) {
  ASSERT_TRUE(
      catalog::put_pin(archive.objects(), archive.wal().layout(), {"backup-1"}, {}, random).ok());
  const auto report = prune(archive.objects());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->lineages[0].earliest->backup.text, "backup-1");
  EXPECT_EQ(report->lineages[0].earliest_with_wal->backup.text, "backup-3");
  // Nor does a rule that comes too late bring its WAL back.
  options.policy = {};
  EXPECT_EQ(prune(archive.objects())->lineages[0].earliest_with_wal->backup.text, "backup-3");
}

TEST_F(Prune, ADryRunSaysTheSameAndChangesNothing) {
  const std::vector<std::string> before = names();
  options.dry_run = true;
  const auto said = prune(archive.objects());
  ASSERT_TRUE(said.ok());
  EXPECT_EQ(names(), before);
  options.dry_run = false;
  const auto did = prune(archive.objects());
  ASSERT_TRUE(did.ok());
  EXPECT_EQ(said->lineages[0].segments_removed, did->lineages[0].segments_removed);
  EXPECT_EQ(said->lineages[0].wal_bytes, did->lineages[0].wal_bytes);
}

TEST_F(Prune, WithoutARuleOnlyGarbageGoes) {
  options.policy = {};
  ASSERT_TRUE(archive.objects().put(store::ObjectKey(pack("a")), as_bytes("garbage")).ok());
  const auto report = prune(archive.objects());
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(backups().size(), 5u);
  EXPECT_FALSE(there(pack("a")));
  EXPECT_EQ(report->lineages[0].garbage_removed, 1u);
  EXPECT_EQ(report->lineages[0].garbage_bytes, 7u);
}

TEST_F(Prune, GarbageStaysWhileABackupRuns) {
  ASSERT_TRUE(archive.objects().put(store::ObjectKey(pack("a")), as_bytes("its own")).ok());
  std::unique_ptr<catalog::HeldLease> backup = lease(catalog::LeaseKind::kWrite, std::nullopt);
  // It moves between two looks.
  WatchedClock moving(clock, [&] { EXPECT_TRUE(backup->claim_backup({"backup-1"}).ok()); });
  auto report = run_prune(options, archive.objects(), moving, random, progress, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->lineages[0].garbage_left, 1u);
  EXPECT_TRUE(there(pack("a")));
  backup.reset();
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_FALSE(there(pack("a")));
}

TEST_F(Prune, WhileAVerificationRunsNoBackupGoes) {
  std::unique_ptr<catalog::HeldLease> verify = lease(catalog::LeaseKind::kRead, std::nullopt);
  WatchedClock moving(clock, [&] {
    lease_clock.sleep(catalog::kLeaseRenewal);
    EXPECT_TRUE(verify->renew_if_due().ok());
  });
  const std::vector<std::string> before = backups();
  ASSERT_TRUE(run_prune(options, archive.objects(), moving, random, progress, {}).ok());
  EXPECT_EQ(backups(), before);
  EXPECT_TRUE(archive.wal().has(first.file(1)).value());
  verify.reset();
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_NE(backups(), before);
}

TEST_F(Prune, APinnedBackupStaysWithTheWalThatMakesItConsistent) {
  ASSERT_TRUE(
      catalog::put_pin(archive.objects(), archive.wal().layout(), {"backup-1"}, {}, random).ok());
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_THAT(backups(), ElementsAre("backup-1", "backup-3", "backup-4", "backup-5"));
  EXPECT_TRUE(archive.wal().has(first.file(1)).value());
}

// Whatever call on the repository is the last one of a prune: no backup that is listed lacks its
// WAL, and the next prune ends where an undisturbed one does.
TEST_F(Prune, KilledAnywhereItLeavesARightRepository) {
  ASSERT_TRUE(archive.objects().put(store::ObjectKey(pack("a")), as_bytes("garbage")).ok());
  int failed = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    auto faulty = store::make_faulty_store(archive.objects(), {seed, 8});
    clock.jump_to(at(450));
    if (!prune(*faulty).ok()) ++failed;
    catalog::SegmentLists lists(archive.wal());
    const auto chain = catalog::WalChain::load(lists, {1});
    ASSERT_TRUE(chain.ok());
    const std::vector<std::string> listed = backups();
    for (const char* needed : {"backup-3", "backup-4", "backup-5"}) {
      EXPECT_THAT(listed, testing::Contains(needed)) << "seed " << seed;
    }
    for (const auto& backup : archive.backups()) {
      if (std::ranges::find(listed, backup.id.text) == listed.end()) continue;
      EXPECT_GE(chain->end_of_stretch(backup.start_lsn), backup.stop_lsn)
          << "seed " << seed << ": " << backup.id.text;
    }
  }
  EXPECT_GT(failed, 0);
  clock.jump_to(at(450));
  const auto last = prune(archive.objects());
  ASSERT_TRUE(last.ok()) << last.error().message;
  EXPECT_THAT(backups(), ElementsAre("backup-3", "backup-4", "backup-5"));
  EXPECT_FALSE(there(pack("a")));
  EXPECT_THAT(said_to_be_removed(), testing::IsSupersetOf({BackupId{"backup-1"}, {"backup-2"}}))
      << "whichever of them took it";
}

TEST_F(Prune, TheHistorySaysWhichBackupsWent) {
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_THAT(said_to_be_removed(), ElementsAre(BackupId{"backup-1"}, BackupId{"backup-2"}));
}

// Its mark is all that says so, until the next prune takes the mark away.
TEST_F(Prune, WhatOneThatWasKilledRemovedTheNextOneSays) {
  const catalog::PruneMark mark{
      "1234", archive.wal().lineage().system_identifier, {{"backup-1"}, {"backup-4"}}, {}};
  ASSERT_TRUE(catalog::put_mark(archive.objects(), "main", mark).ok());
  ASSERT_TRUE(archive.objects().remove(archive.wal().layout().manifest({"backup-1"})).ok());
  ASSERT_TRUE(prune(archive.objects()).ok());
  EXPECT_THAT(said_to_be_removed(), ElementsAre(BackupId{"backup-1"}, BackupId{"backup-2"}))
      << "backup-4 is still there";
  EXPECT_THAT(catalog::list_marks(archive.objects(), "main").value(), testing::IsEmpty());
}

}  // namespace
}  // namespace walkback::retention
