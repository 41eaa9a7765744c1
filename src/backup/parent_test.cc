#include "backup/parent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/simulated_files.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::backup {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using catalog::BackupSummary;
using catalog::ScratchTimeline;

class ParentTest : public ::testing::Test {
 protected:
  // For a backup that begins where the log ends.
  ParentChoice choose(ScratchTimeline& timeline) { return choose(timeline, timeline.end()); }
  ParentChoice choose(ScratchTimeline& timeline, pg::Lsn redo) {
    archive_.put_all(timeline);
    pg::ControlFile control;
    control.major = 15;
    control.system_identifier = wal::TestLog::kSystem;
    control.timeline = timeline.id();
    control.block_bytes = 8192;
    control.relation_segment_blocks = 131072;
    return choose_parent(archive_.objects(), archive_.wal(), control, redo, files_, "/pg",
                         silent_progress(), {})
        .value();
  }
  static std::string chosen(const ParentChoice& choice) {
    return choice.parent ? choice.parent->summary.id.text : "none";
  }
  store::ObjectKey manifest(const BackupSummary& backup) {
    return archive_.wal().layout().manifest(backup.id);
  }

  SimulatedFiles files_{1};
  catalog::ScratchArchive archive_;
  ScratchTimeline timeline_{1};
};

TEST_F(ParentTest, TheNewestIsTheOneThatBeganLastInTheLogWhateverTheClocksSaid) {
  archive_.backup(timeline_, 5000, 5010);
  const BackupSummary newest = archive_.backup(timeline_, 1000, 1010);
  EXPECT_EQ(chosen(choose(timeline_)), newest.id.text);
}

TEST_F(ParentTest, WhatATimelineDidAfterItWasLeftIsNoPartOfItsChild) {
  const BackupSummary shared = archive_.backup(timeline_, 10, 20);
  ScratchTimeline child = timeline_.fork(2);
  const BackupSummary of_the_old = archive_.backup(timeline_, 30, 40);
  archive_.put_all(timeline_);
  archive_.put_history(child);
  child.insert();
  EXPECT_EQ(chosen(choose(child)), shared.id.text);
  EXPECT_EQ(chosen(choose(timeline_)), of_the_old.id.text);
}

// Nor one that was being taken while its timeline was left.
TEST_F(ParentTest, ABackupThatEndsBehindTheForkIsNoParent) {
  ScratchTimeline child = timeline_;
  archive_.backup(timeline_, 10, 20);
  child.insert();
  child = child.fork(2);
  archive_.put_all(timeline_);
  archive_.put_history(child);
  child.insert();
  const ParentChoice choice = choose(child);
  EXPECT_EQ(chosen(choice), "none");
  EXPECT_THAT(choice.reason, HasSubstr("timeline 2"));
}

// An idle standby makes no restartpoint between two backups; a slow one is behind the primary's.
TEST_F(ParentTest, AParentMayEndAfterTheBackupBegins) {
  const BackupSummary ahead = archive_.backup(timeline_, 10, 20);
  timeline_.insert();
  const ParentChoice choice = choose(timeline_, ahead.start_lsn);
  EXPECT_EQ(chosen(choice), ahead.id.text);
  EXPECT_TRUE(choice.parent->changes.since) << choice.reason;
  EXPECT_EQ(chosen(choose(timeline_, {ahead.start_lsn.value - 8})), "none");
}

TEST_F(ParentTest, ABackupOfAnotherClusterIsPassedOver) {
  const BackupSummary good = archive_.backup(timeline_, 10, 20);
  const BackupSummary foreign = archive_.backup(
      timeline_, 30, 40,
      [](auto&, BackupSummary& backup, auto&) { backup.system_identifier.value ^= 1; });
  EXPECT_EQ(chosen(choose(timeline_)), good.id.text);
  archive_.objects().remove(manifest(good)).value();
  const ParentChoice choice = choose(timeline_);
  EXPECT_EQ(chosen(choice), "none");
  EXPECT_THAT(choice.reason, AllOf(HasSubstr(foreign.id.text), HasSubstr("another cluster")));
}

TEST_F(ParentTest, AManifestThatCannotBeReadIsPassedOverAndTheLastOneNamed) {
  const BackupSummary good = archive_.backup(timeline_, 10, 20);
  const BackupSummary damaged = archive_.backup(timeline_, 30, 40);
  Bytes bytes = archive_.objects().get(manifest(damaged)).value().value();
  bytes[bytes.size() / 2] ^= std::byte{1};
  archive_.overwrite(manifest(damaged), as_text(bytes));
  EXPECT_EQ(chosen(choose(timeline_)), good.id.text);

  archive_.overwrite(manifest(good), "nothing of a manifest");
  const ParentChoice choice = choose(timeline_);
  EXPECT_EQ(chosen(choice), "none");
  EXPECT_THAT(choice.reason, HasSubstr(good.id.text));
}

TEST_F(ParentTest, OneThatIsGoneIsNone) {
  const BackupSummary backup = archive_.backup(timeline_, 10, 20);
  archive_.objects().remove(manifest(backup)).value();
  EXPECT_THAT(choose(timeline_).reason, HasSubstr("no backup yet"));
}

}  // namespace
}  // namespace walkback::backup
