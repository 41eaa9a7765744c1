#include "verify/removed_backups.h"

#include <gtest/gtest.h>

namespace walkback::verify {
namespace {

constexpr std::chrono::hours kHour{1};

Timestamp day(int day) { return Timestamp{} + std::chrono::hours(24) * day; }

class RemovedBackupsTest : public testing::Test {
 protected:
  RemovedBackupsTest() {
    backup.id = {"20261122T000000Z-0001"};
    backup.started_at = day(10);
  }
  static catalog::Event prune(Timestamp started_at) {
    catalog::Event event;
    event.kind = "prune";
    event.started_at = started_at;
    event.ended_at = started_at + kHour;
    event.succeeded = true;
    return event;
  }
  static catalog::Event listing_prune(Timestamp started_at,
                                      std::vector<catalog::BackupId> removed) {
    catalog::Event event = prune(started_at);
    event.removed = std::move(removed);
    return event;
  }
  bool may_be_pruned(const std::vector<catalog::Event>& events) const {
    return RemovedBackups(events).may_include(backup);
  }

  catalog::BackupSummary backup;
};

TEST_F(RemovedBackupsTest, WithoutAnyPruneItWasNot) {
  EXPECT_FALSE(may_be_pruned({}));
  catalog::Event other = prune(day(12));
  other.kind = "verify";
  EXPECT_FALSE(may_be_pruned({other}));
}

TEST_F(RemovedBackupsTest, OnlyAPruneThatSaysSoTookIt) {
  EXPECT_TRUE(may_be_pruned({listing_prune(day(12), {{"another"}, backup.id})}));
  EXPECT_FALSE(may_be_pruned({listing_prune(day(12), {{"another"}}), listing_prune(day(13), {})}));
}

TEST_F(RemovedBackupsTest, APruneOfAnOlderProgramMayHaveTakenWhateverWasThere) {
  EXPECT_TRUE(may_be_pruned({prune(day(12)), listing_prune(day(13), {})}));
  EXPECT_TRUE(may_be_pruned({prune(day(9) + kHour)})) << "by another host's clock";
  EXPECT_FALSE(may_be_pruned({prune(day(5))})) << "before it was taken";
}

TEST_F(RemovedBackupsTest, OneThatFailedSaysWhatItTook) {
  catalog::Event failed = listing_prune(day(12), {backup.id});
  failed.succeeded = false;
  EXPECT_TRUE(may_be_pruned({failed}));
}

TEST_F(RemovedBackupsTest, OneThatRunsMayBeAtIt) {
  catalog::Event running = listing_prune(day(12), {});
  running.ended_at.reset();
  EXPECT_TRUE(may_be_pruned({running}));
  running.killed = true;
  EXPECT_FALSE(may_be_pruned({running})) << "what it took is in its mark";
  running.removed.reset();
  EXPECT_TRUE(may_be_pruned({running})) << "or, by an older program, nowhere";
}

}  // namespace
}  // namespace walkback::verify
