#include "health/gather.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/simulated_files.h"
#include "catalog/events.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::health {
namespace {

using catalog::at;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr wal::RelationLocator kPayments{1663, 5, 16384};
constexpr double kHour_s = 3600;

// What is seen from a host that has the repository and no server.
class GatherTest : public testing::Test {
 protected:
  Facts look(double now_s) {
    clock_.jump_to(at(now_s));
    return gather({"main", ""}, limits_,
                  {.files = files_,
                   .clock = clock_,
                   .connect = {},
                   .repository = [this] { return &archive_.objects(); },
                   .keys = {},
                   .live_names = {},
                   .store_ahead = {}},
                  {});
  }
  void deletes(pg::Xid xid, double second, int rows) {
    log_.remove(xid, kPayments, rows);
    log_.commit(xid, second);
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
  ManualClock clock_;
  SimulatedFiles files_{1, clock_};
  Limits limits_;
};

TEST_F(GatherTest, TheRepositoryAlone) {
  archive_.backup(log_, 0, 60);
  log_.commit(700, 100);
  archive_.put_all(log_);
  const Facts facts = look(2 * kHour_s);
  EXPECT_FALSE(facts.server.has_value() || facts.unarchived.has_value());
  ASSERT_TRUE(facts.repository->ok()) << facts.repository->error().message;
  const RepositoryFacts& repository = **facts.repository;
  EXPECT_THAT(repository.backups, SizeIs(1));
  EXPECT_THAT(repository.windows, SizeIs(1));
  EXPECT_THAT(repository.gaps, IsEmpty());
  EXPECT_EQ(repository.windows[0].to, at(100));
  EXPECT_EQ(repository.archived_until, log_.end());
  EXPECT_GT(repository.bytes_stored, 0u);
  EXPECT_GT(*repository.bytes_per_day, 0);
}

// Its host's clock was ahead when it was taken.
TEST_F(GatherTest, GrowthIsReckonedFromABackupWhoseDateHasBeen) {
  archive_.backup(log_, 0, 60);
  archive_.backup(log_, 5'000'000, 5'000'060);
  archive_.backup(log_, 2 * kHour_s, 2 * kHour_s + 60);
  log_.commit(700, 2 * kHour_s + 100);
  archive_.put_all(log_);
  const Facts facts = look(4 * kHour_s);
  ASSERT_TRUE(facts.repository->ok()) << facts.repository->error().message;
  const RepositoryFacts& repository = **facts.repository;
  ASSERT_THAT(repository.backups, SizeIs(3));
  EXPECT_EQ(repository.backups[1].id, archive_.backups()[1].id) << "in the order of the log";
  ASSERT_TRUE(repository.bytes_per_day);
  EXPECT_GT(*repository.bytes_per_day, 0);
  // Long after the only one with a date that has been.
  const Facts later = look(20 * 24 * kHour_s);
  EXPECT_GT((*later.repository)->bytes_per_day.value_or(0), 0);
}

TEST_F(GatherTest, ALostSegmentIsAGap) {
  archive_.backup(log_, 0, 60);
  for (pg::Xid xid = 700; xid < 704; ++xid) {
    log_.commit(xid, xid);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  archive_.lose(log_.file(2));
  const Facts facts = look(kHour_s);
  ASSERT_THAT((*facts.repository)->gaps, SizeIs(1));
  EXPECT_EQ((*facts.repository)->gaps[0].from_lsn.value, 2u * ScratchTimeline::kSegmentBytes);
}

TEST_F(GatherTest, MassDeletesOfTheLastHour) {
  limits_.mass_delete_rows = 50;
  archive_.backup(log_, 0, 60);
  deletes(700, 10 * kHour_s, 80);  // long ago
  log_.switch_segment();
  deletes(701, 20 * kHour_s - 60, 49);
  deletes(702, 20 * kHour_s - 30, 50);
  log_.remove(703, kPayments, 70);
  log_.abort(703, 20 * kHour_s - 20);
  archive_.put_all(log_);
  const Facts facts = look(20 * kHour_s);
  const auto& changes = (*facts.repository)->mass_changes;
  ASSERT_TRUE(changes && changes->ok());
  ASSERT_THAT(**changes, SizeIs(1));
  EXPECT_EQ((**changes)[0].xid, 702u);
  EXPECT_EQ((**changes)[0].rows, 50u);
  EXPECT_EQ((**changes)[0].what, "deleted");
  EXPECT_EQ((**changes)[0].table, "the file 1663/5/16384");
}

TEST_F(GatherTest, WhatIsDamagedHidesNothingElse) {
  archive_.backup(log_, 0, 60);
  archive_.backup(log_, 100, 160);
  log_.commit(700, 200);
  archive_.put_all(log_);
  archive_.overwrite(archive_.wal().layout().summary(archive_.backups()[0].id), "nonsense");
  const Facts facts = look(kHour_s);
  EXPECT_THAT((*facts.repository)->backups, SizeIs(1));
  ASSERT_THAT((*facts.repository)->unreadable, SizeIs(1));
}

TEST_F(GatherTest, AnAttemptThatFailedIsThere) {
  archive_.backup(log_, 0, 60);
  archive_.put_all(log_);
  clock_.jump_to(at(300));
  catalog::EventRecorder recorder(archive_.objects(), "main", clock_);
  SeededRandom random(1);
  const catalog::Event event = catalog::new_event("backup", clock_, random);
  ASSERT_TRUE(recorder.begin(event).ok());
  const Error error = make_error(ErrorKind::kNoSpace, "the disk is full");
  ASSERT_TRUE(recorder.end(event, &error).ok());
  EXPECT_EQ((*look(kHour_s).repository)->attempts.failed_backup->error, "the disk is full");
}

TEST_F(GatherTest, ARepositoryThatDoesNotAnswerIsAFact) {
  const Facts facts =
      gather({"main", ""}, limits_,
             {.files = files_,
              .clock = clock_,
              .connect = {},
              .repository = [] { return make_error(ErrorKind::kTransient, "no answer"); },
              .keys = {},
              .live_names = {},
              .store_ahead = {}},
             {});
  ASSERT_FALSE(facts.repository->ok());
  EXPECT_EQ(facts.repository->error().message, "no answer");
}

TEST_F(GatherTest, ADataDirectoryThatIsNotThereIsSaid) {
  clock_.jump_to(at(kHour_s));
  const Facts facts =
      gather({"main", "/none"}, limits_,
             {.files = files_,
              .clock = clock_,
              .connect = [] { return make_error(ErrorKind::kTransient, "refused"); },
              .repository = {},
              .keys = {},
              .live_names = {},
              .store_ahead = {}},
             {});
  EXPECT_EQ(facts.server->error().message, "refused");
  EXPECT_FALSE(facts.wal_directory.has_value());
}

}  // namespace
}  // namespace walkback::health
