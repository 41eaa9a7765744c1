#include "catalog/recovery_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/testing/scratch_archive.h"

namespace walkback::catalog {
namespace {

class RecoveryWindowsTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSegment = ScratchTimeline::kSegmentBytes;

  LineageWindows windows() { return find_windows(archive_.wal(), archive_.backups()).value(); }
  RecoveryWindow window_of(uint32_t timeline) {
    for (const RecoveryWindow& window : windows().windows) {
      if (window.timeline.value == timeline) return window;
    }
    ADD_FAILURE() << "timeline " << timeline << " has no window";
    return {};
  }

  ScratchArchive archive_;
  ScratchTimeline first_{1};
};

TEST_F(RecoveryWindowsTest, AWindowReachesToTheLastThingWithATime) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.abort(701, 12);
  archive_.put_all(first_);
  EXPECT_EQ(window_of(1).from, at(2));
  EXPECT_EQ(window_of(1).to, at(12));
  EXPECT_EQ(window_of(1).to_lsn, first_.end());
}

TEST_F(RecoveryWindowsTest, ACheckpointAfterTheLastCommitProvesTheTimeUpToIt) {
  archive_.backup(first_, 1, 2);
  first_.checkpoint(30);
  archive_.put_all(first_);
  EXPECT_EQ(window_of(1).to, at(30)) << "without any commit";
}

TEST_F(RecoveryWindowsTest, ACommitAfterACheckpointMayCarryAnEarlierTime) {
  archive_.backup(first_, 1, 2);
  first_.checkpoint(30);
  first_.commit(700, 10);
  archive_.put_all(first_);
  EXPECT_EQ(window_of(1).to, at(10));
}

TEST_F(RecoveryWindowsTest, TheLastCommitIsFoundSomeSegmentsBack) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.insert(5 * kSegment);
  archive_.put_all(first_);
  EXPECT_EQ(window_of(1).to, at(10));
}

TEST_F(RecoveryWindowsTest, AChildsWindowEndsAtItsSwitchUntilItHasAFileOfItsOwn) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  const pg::Lsn left = first_.end();
  first_.commit(701, 20);
  first_.insert(2 * kSegment);
  archive_.put_all(first_);
  archive_.put_history(second);

  EXPECT_EQ(window_of(2).to_lsn, left);
  EXPECT_EQ(window_of(2).to, at(10));
  EXPECT_EQ(window_of(1).to, at(20));
  second.commit(701, 40);
  archive_.put_all(second);
  EXPECT_EQ(window_of(2).to, at(40));
  EXPECT_EQ(window_of(2).to_lsn, second.end());
}

TEST_F(RecoveryWindowsTest, ABackupOfTheParentAfterTheSwitchIsNotTheChilds) {
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  const BackupSummary late = archive_.backup(first_, 11, 12);
  first_.commit(701, 20);
  second.commit(701, 40);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_all(second);

  EXPECT_EQ(window_of(1).from_lsn, late.stop_lsn);
  const auto found = windows();
  EXPECT_TRUE(std::ranges::none_of(
      found.windows, [](const RecoveryWindow& window) { return window.timeline.value == 2; }));
}

TEST_F(RecoveryWindowsTest, AHoleBehindTheSwitchIsAGapOfTheChild) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  const pg::Lsn left = first_.end();
  second.insert(kSegment);
  second.commit(701, 40);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_segment(second, 2);

  const auto gaps = windows().gaps;
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].timeline.value, 2u);
  EXPECT_EQ(gaps[0].from_lsn, left);
  EXPECT_EQ(gaps[0].to_lsn, pg::Lsn{2 * kSegment});
  EXPECT_EQ(gaps[0].from, at(10));
  EXPECT_EQ(gaps[0].to, at(40));
  EXPECT_EQ(window_of(2).to_lsn, left);
}

TEST_F(RecoveryWindowsTest, TheNewestTimelineIsTheCurrentOne) {
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  archive_.put_all(first_);
  EXPECT_TRUE(windows().timelines.at(0).current);
  archive_.put_history(second);
  const auto timelines = windows().timelines;
  ASSERT_EQ(timelines.size(), 2u);
  EXPECT_FALSE(timelines[0].current);
  EXPECT_TRUE(timelines[0].has_wal);
  EXPECT_EQ(timelines[0].left, std::nullopt);
  EXPECT_TRUE(timelines[1].current);
  EXPECT_FALSE(timelines[1].has_wal);
  EXPECT_EQ(timelines[1].left->at, second.begin());
}

TEST_F(RecoveryWindowsTest, ATimelineWithoutItsHistoryIsListedAsSuch) {
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  second.commit(701, 20);
  archive_.put_all(first_);
  archive_.put_all(second);
  EXPECT_TRUE(windows().timelines.at(1).history_missing);
  EXPECT_TRUE(windows().timelines.at(1).has_wal);
}

TEST_F(RecoveryWindowsTest, AWindowEndsWhereWalLevelBecameMinimal) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  const pg::Lsn begin = first_.wal_level(0);
  first_.commit(701, 20);
  archive_.put_all(first_);
  EXPECT_EQ(window_of(1).to_lsn, begin);
  EXPECT_EQ(window_of(1).to, at(10));
}

TEST_F(RecoveryWindowsTest, ABackupAfterAMinimalSpanBeginsAWindow) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.wal_level(0);
  first_.commit(701, 20);
  first_.wal_level(1);
  const BackupSummary second = archive_.backup(first_, 30, 31);
  first_.commit(702, 40);
  archive_.put_all(first_);
  const std::vector<RecoveryWindow> found = windows().windows;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].to, at(10));
  EXPECT_EQ(found[1].from_lsn, second.stop_lsn);
  EXPECT_EQ(found[1].to, at(40));
}

// Far from the edges of what is there, over a segment's end, twice.
TEST_F(RecoveryWindowsTest, AMinimalSpanLongAgoEndsAWindowToo) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  const pg::Lsn begin = first_.wal_level(0);
  first_.insert(3 * kSegment);
  first_.wal_level(0);
  const pg::Lsn end = first_.wal_level(1);
  const BackupSummary second = archive_.backup(first_, 30, 31);
  first_.insert(20 * kSegment);
  first_.commit(702, 40);
  archive_.put_all(first_);
  const LineageWindows found = windows();
  ASSERT_EQ(found.windows.size(), 2u);
  EXPECT_EQ(found.windows[0].to_lsn, begin);
  EXPECT_EQ(found.windows[0].to, at(10));
  EXPECT_EQ(found.windows[1].from_lsn, second.stop_lsn);
  EXPECT_EQ(found.windows[1].to, at(40));
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_EQ(found.gaps[0].from_lsn, begin);
  EXPECT_EQ(found.gaps[0].to_lsn, end);
  EXPECT_THAT(found.gaps[0].reason, testing::HasSubstr("wal_level=minimal"));
}

TEST_F(RecoveryWindowsTest, OtherSettingsEndNoWindow) {
  archive_.backup(first_, 1, 2);
  first_.wal_level(1);
  first_.insert(20 * kSegment);
  first_.wal_level(2);
  first_.commit(700, 10);
  archive_.put_all(first_);
  EXPECT_THAT(windows().gaps, testing::IsEmpty());
  ASSERT_EQ(windows().windows.size(), 1u);
  EXPECT_EQ(windows().windows[0].to, at(10));
}

// Its segments never came, as archiving was off: what lies behind them is a backup's again.
TEST_F(RecoveryWindowsTest, AMinimalSpanThatAHoleFollows) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  const pg::Lsn begin = first_.wal_level(0);
  first_.insert(3 * kSegment);
  first_.wal_level(1);
  const BackupSummary second = archive_.backup(first_, 30, 31);
  first_.insert(20 * kSegment);
  first_.commit(702, 40);
  archive_.put_all(first_);
  archive_.lose(first_.file(2));
  const LineageWindows found = windows();
  ASSERT_EQ(found.windows.size(), 2u);
  EXPECT_EQ(found.windows[0].to_lsn, begin);
  EXPECT_EQ(found.windows[1].from_lsn, second.stop_lsn);
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_EQ(found.gaps[0].from_lsn, begin);
  EXPECT_EQ(found.gaps[0].to_lsn, pg::Lsn{3 * kSegment});
}

// Nobody decoded it when it came, or its index is lost too.
TEST_F(RecoveryWindowsTest, ADamagedSegmentWithoutAnIndexIsAGap) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.insert(3 * kSegment);
  first_.commit(701, 20);
  archive_.put_all(first_);
  const std::string lost = first_.file(2);
  archive_.forget_index(lost);
  EXPECT_THAT(windows().gaps, testing::IsEmpty()) << "the segment says the same";

  archive_.overwrite(archive_.wal().layout().wal_file(lost), "no segment");
  const LineageWindows found = windows();
  ASSERT_EQ(found.gaps.size(), 1u);
  EXPECT_EQ(found.gaps[0].from_lsn, pg::Lsn{2 * kSegment});
  EXPECT_EQ(found.gaps[0].to_lsn, pg::Lsn{3 * kSegment});
  EXPECT_NE(found.gaps[0].reason, "");
  ASSERT_EQ(found.windows.size(), 1u);
  EXPECT_EQ(found.windows[0].to, at(10));
}

}  // namespace
}  // namespace walkback::catalog
