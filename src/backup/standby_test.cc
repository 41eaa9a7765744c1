#include "backup/standby.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/simulated_files.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::backup {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint64_t kMiB = 1 << 20;

class StandbyEndTest : public ::testing::Test {
 protected:
  StandbyEndTest() {
    EXPECT_TRUE(make_directories(files_, "/pg_wal", 0700).ok());
    copied_.min_recovery_point = {20 * kMiB};
    copied_.checkpoint_time = catalog::at(100);
    replayed_ = {{22 * kMiB}, catalog::at(150), {23 * kMiB}};
    label_.timeline = {3};
    label_.start = {10 * kMiB};
    label_.checkpoint = {11 * kMiB};
  }
  Result<BackupEnd> end() { return end_at_standby(copied_, replayed_, label_, files_, "/pg_wal"); }
  void keep_history(uint32_t timeline, const std::string& text) {
    EXPECT_TRUE(
        replace_file(files_, "/pg_wal/" + pg::history_file_name({timeline}), as_bytes(text), 0600)
            .ok());
  }

  SimulatedFiles files_{1};
  pg::ControlFile copied_;
  Replayed replayed_;
  pg::BackupLabel label_;
};

TEST_F(StandbyEndTest, IsWhatWasReplayedWhenAllWasCopied) {
  EXPECT_EQ(end()->lsn, replayed_.to);
  EXPECT_EQ(end()->wal_until, replayed_.known_to);
  EXPECT_EQ(end()->time, replayed_.last_transaction);
}

// PostgreSQL is not consistent before; it may count a record in the middle of its replay.
TEST_F(StandbyEndTest, IsNeverBeforeTheCopiedMinRecoveryPoint) {
  copied_.min_recovery_point = {24 * kMiB};
  EXPECT_EQ(end()->lsn, copied_.min_recovery_point);
  EXPECT_EQ(end()->wal_until, copied_.min_recovery_point);
}

TEST_F(StandbyEndTest, WithoutATransactionTheTimeIsThatOfTheCheckpointRoundedUp) {
  replayed_.last_transaction.reset();
  EXPECT_EQ(end()->time, catalog::at(101));
}

TEST_F(StandbyEndTest, AStandbyThatWentAlongToAnotherTimelineMadeNoBackup) {
  keep_history(2, "1\t0/100000\tlong ago\n");
  keep_history(3, "1\t0/100000\tlong ago\n2\t0/200000\tlong ago\n");
  EXPECT_TRUE(end().ok()) << "its own, and those that led there";
  keep_history(4, "3\t0/1700000\tafter the end\n");  // 23 MiB
  EXPECT_TRUE(end().ok());
  keep_history(5, "3\t0/1500000\tin the middle\n");  // 21 MiB
  ASSERT_FALSE(end().ok());
  EXPECT_EQ(end().error().kind, ErrorKind::kTransient);
  EXPECT_THAT(end().error().message, AllOf(HasSubstr("timeline 3"), HasSubstr("timeline 5")));
}

TEST_F(StandbyEndTest, OneThatDidNotReplayItsOwnCheckpointIsNoUse) {
  replayed_.to = replayed_.known_to = copied_.min_recovery_point = label_.checkpoint;
  ASSERT_FALSE(end().ok());
  EXPECT_EQ(end().error().kind, ErrorKind::kTransient);
}

class FakeOrigin final : public WalOrigin {
 public:
  std::function<Result<void>(const std::string&)> on_ask = [](const std::string&) {
    return success();
  };
  Result<void> ask(const std::string& name) override {
    asked.push_back(name);
    return on_ask(name);
  }
  Result<bool> has_whole(pg::SegmentName) override { return whole; }
  Error late(const std::string& name, std::chrono::seconds) override {
    return make_error(ErrorKind::kTransient, name + " is late");
  }
  std::vector<std::string> asked;
  bool whole = true;
};

class WalArrivesTest : public ::testing::Test {
 protected:
  WalArrivesTest() { EXPECT_TRUE(make_directories(files_, "/pg_wal", 0700).ok()); }
  WalWait wait() {
    return WalWait(archive_.wal(), origin_, files_, "/pg_wal", system_clock(),
                   std::chrono::seconds(0), silent_progress(), {});
  }
  Result<void> arrives(pg::Lsn redo) {
    pg::ControlFile control;
    control.timeline = timeline_.id();
    control.redo = redo;
    WalWait waiting = wait();
    return check_wal_arrives(archive_.wal(), control, waiting);
  }
  void write_own(uint64_t number, Bytes content) {
    EXPECT_TRUE(replace_file(files_, "/pg_wal/" + timeline_.file(number), content, 0600).ok());
  }

  SimulatedFiles files_{1};
  catalog::ScratchArchive archive_;
  catalog::ScratchTimeline timeline_{1};
  FakeOrigin origin_;
};

TEST_F(WalArrivesTest, NothingOfTheTimelineIsRefused) {
  const Result<void> checked = arrives(timeline_.end());
  ASSERT_FALSE(checked.ok());
  EXPECT_EQ(checked.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(checked.error().hint, HasSubstr("primary"));
  EXPECT_TRUE(origin_.asked.empty());
}

TEST_F(WalArrivesTest, UpToTheSegmentOfTheRestartpointIsEnough) {
  timeline_.insert();
  archive_.put_all(timeline_);
  timeline_.insert();
  EXPECT_TRUE(arrives(timeline_.end()).ok());
  EXPECT_TRUE(origin_.asked.empty());
}

TEST_F(WalArrivesTest, AnArchiveThatIsBehindIsWaitedFor) {
  timeline_.insert();
  archive_.put_all(timeline_);
  timeline_.insert();
  timeline_.switch_segment();
  timeline_.insert();
  EXPECT_FALSE(arrives(timeline_.end()).ok());
  ASSERT_EQ(origin_.asked.size(), 1u);
  EXPECT_EQ(origin_.asked[0], timeline_.file(timeline_.segment_of_end() - 1));
}

TEST_F(WalArrivesTest, ASegmentThatTheStandbyHasNotWhollyReceivedIsNoConflict) {
  timeline_.insert();
  archive_.put_all(timeline_);
  const uint64_t number = timeline_.segment_of_end();
  const pg::Lsn start = pg::SegmentName{{1}, number}.start(timeline_.kSegmentBytes);
  Bytes own = timeline_.content(number);
  write_own(number, own);
  EXPECT_TRUE(wait().until({1}, start, start + 100).ok());
  own.back() ^= std::byte{1};
  write_own(number, own);
  origin_.whole = false;
  EXPECT_EQ(wait().until({1}, start, start + 100).error().kind, ErrorKind::kTransient);
  origin_.whole = true;
  EXPECT_EQ(wait().until({1}, start, start + 100).error().kind, ErrorKind::kConflict);
}

TEST_F(WalArrivesTest, WhoeverArchivesSaysWhenItWillNotCome) {
  timeline_.insert();
  archive_.put_all(timeline_);
  origin_.on_ask = [](const std::string&) { return make_error(ErrorKind::kInvalid, "elsewhere"); };
  EXPECT_EQ(wait().until({1}, timeline_.end(), timeline_.end() + 100).error().message, "elsewhere");
}

}  // namespace
}  // namespace walkback::backup
