// What a recovery would do, over archives whose history forks and has holes.
#include "restore/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "catalog/testing/scratch_archive.h"

namespace walkback::restore {
namespace {

using catalog::at;
using catalog::BackupSummary;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PlanTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSegment = ScratchTimeline::kSegmentBytes;

  PlanTest() { setenv("TZ", "UTC", 1); }
  ~PlanTest() override { unsetenv("TZ"); }

  static RecoveryTarget to(double second) {
    return {.kind = TargetKind::kTime, .time = at(second)};
  }
  static RecoveryTarget xid(uint64_t number) { return {.kind = TargetKind::kXid, .xid = number}; }
  static RecoveryTarget before(uint64_t number) {
    return {.kind = TargetKind::kBeforeXid, .xid = number};
  }
  static RecoveryTarget lsn(pg::Lsn position) {
    return {.kind = TargetKind::kLsn, .lsn = position};
  }
  static RecoveryTarget name(std::string point) {
    return {.kind = TargetKind::kName, .name = std::move(point)};
  }
  static RecoveryTarget latest() { return {.kind = TargetKind::kLatest}; }
  static RecoveryTarget immediate() { return {.kind = TargetKind::kImmediate}; }

  Result<RecoveryPlan> try_plan(RecoveryTarget target, uint32_t timeline = 0) {
    PlanOptions options;
    options.cluster = "main";
    options.target = std::move(target);
    if (timeline != 0) options.timeline = pg::TimelineId{timeline};
    options.now = at(1000);
    options.unreadable = [this](const Error& error) { told_.push_back(error.message); };
    return make_plan(options, archive_.objects(), silent_progress(), {});
  }
  RecoveryPlan plan(RecoveryTarget target, uint32_t timeline = 0) {
    Result<RecoveryPlan> made = try_plan(std::move(target), timeline);
    EXPECT_TRUE(made.ok()) << made.error().message << " | " << made.error().hint;
    return made.ok() ? *std::move(made) : RecoveryPlan{};
  }
  // "message | hint" of a target that cannot be reached.
  std::string refusal(RecoveryTarget target, uint32_t timeline = 0) {
    const Result<RecoveryPlan> made = try_plan(std::move(target), timeline);
    if (made.ok()) return "planned, to LSN " + made->end_lsn.text();
    EXPECT_EQ(made.error().kind, ErrorKind::kInvalid);
    return made.error().message + " | " + made.error().hint;
  }
  uint64_t last_xid(const RecoveryPlan& plan) {
    return plan.last_replayed ? plan.last_replayed->xid.value_or(0) : 0;
  }

  void damage_manifest(const BackupSummary& backup) {
    archive_.overwrite(archive_.wal().layout().manifest(backup.id), "no manifest");
  }
  void damage_summary(const BackupSummary& backup) {
    archive_.overwrite(archive_.wal().layout().summary(backup.id), "no summary");
  }

  ScratchArchive archive_;
  ScratchTimeline first_{1};
  std::vector<std::string> told_;
};

// The accident is 750; a copy from before it became the cluster, and has archived nothing yet.
class AdoptedCopy : public PlanTest {
 protected:
  AdoptedCopy() {
    archive_.backup(first_, 1, 2);
    first_.commit(748, 10);
    kept_ = first_.commit(749, 20);
    left_ = first_.end();
    second_ = first_.fork(2);
    accident_ = first_.commit(750, 30);
    first_.commit(751, 40);
    archive_.put_all(first_);
    archive_.put_history(*second_);
  }

  pg::Lsn kept_, left_, accident_;
  std::optional<ScratchTimeline> second_;
};

TEST_F(AdoptedCopy, ATimeBeyondTheSwitchIsNotTheParents) {
  EXPECT_THAT(refusal(to(35)), AllOf(HasSubstr("later than the last archived transaction"),
                                     HasSubstr("timeline 2 left timeline 1 at LSN " + left_.text()),
                                     HasSubstr("timeline 1 holds this moment: --timeline 1"),
                                     HasSubstr("--latest --timeline 2")));
  EXPECT_EQ(last_xid(plan(to(35), 1)), 750u);
  EXPECT_EQ(refusal(to(35), 2), refusal(to(35))) << "asked for by number, too";
}

TEST_F(AdoptedCopy, TheLatestIsNotGuessed) {
  EXPECT_THAT(refusal(latest()),
              AllOf(HasSubstr("2, the newest, left timeline 1 at LSN " + left_.text()),
                    HasSubstr("timeline 1 goes on to 2000-01-01 00:00:40"),
                    HasSubstr("--timeline 1"), HasSubstr("--timeline 2")));
  EXPECT_EQ(plan(latest(), 2).end_lsn, left_);
  EXPECT_EQ(last_xid(plan(latest(), 2)), 749u);
  EXPECT_EQ(last_xid(plan(latest(), 1)), 751u);
}

// The parent's last segment is lost, or was never archived: nothing leads to where timeline 2
// began.
TEST_F(AdoptedCopy, TheLatestIsNoMomentBeforeItsTimeline) {
  first_.insert(2 * kSegment);
  ScratchTimeline third = first_.fork(3);
  first_.switch_segment();
  archive_.put_all(first_);
  archive_.put_history(third);
  EXPECT_EQ(plan(latest(), 3).end_lsn, third.begin());
  archive_.lose(first_.file(third.begin().value / kSegment));
  EXPECT_THAT(refusal(latest(), 3),
              AllOf(HasSubstr("the end of timeline 3 cannot be reached: WAL segment " +
                              third.file(third.begin().value / kSegment) + " is missing"),
                    HasSubstr("up to the gap: --lsn ")));
}

TEST_F(AdoptedCopy, NothingIsGivenUpOnlyWhereNoTimelineHasMore) {
  const RecoveryPlan of_second = plan(latest(), 2);
  EXPECT_EQ(of_second.along.value, 2u);
  EXPECT_EQ(of_second.commits_given_up, 0u);
  ASSERT_EQ(of_second.other_timelines.size(), 1u);
  EXPECT_EQ(of_second.other_timelines[0].timeline.value, 1u);
  EXPECT_EQ(of_second.other_timelines[0].parts_at, left_);
  EXPECT_EQ(of_second.other_timelines[0].first_commit, at(30));
  EXPECT_EQ(of_second.other_timelines[0].until, at(40));
  EXPECT_THAT(of_second.notes,
              ElementsAre(AllOf(HasSubstr("timeline 1 holds transactions that are not in this"),
                                HasSubstr("--timeline 1"))));
  EXPECT_THAT(plan(latest(), 1).other_timelines, IsEmpty()) << "2 has none of its own";
}

TEST_F(AdoptedCopy, ATransactionOfTheOtherTimelineIsRefusedAndFoundThere) {
  EXPECT_THAT(refusal(before(750)), AllOf(HasSubstr("transaction 750 is not in"),
                                          HasSubstr("timeline 1 holds this transaction: "
                                                    "--timeline 1")));
  const RecoveryPlan of_first = plan(before(750), 1);
  EXPECT_EQ(of_first.target_lsn, accident_);
  EXPECT_EQ(of_first.timeline.value, 1u);
}

TEST_F(AdoptedCopy, AnLsnBeyondTheSwitchIsRefusedAndTheSwitchItselfIsNot) {
  EXPECT_THAT(refusal(lsn(accident_ + 8)), AllOf(HasSubstr("which ends at " + left_.text()),
                                                 HasSubstr("timeline 1 holds this LSN")));
  EXPECT_EQ(plan(lsn(left_)).end_lsn, left_);
}

// What is shared lies on the parent: PostgreSQL writes the timeline it was told to follow into the
// copy's history.
TEST_F(AdoptedCopy, WhatBothShareIsReplayedOnTheParent) {
  const RecoveryPlan shared = plan(xid(749));
  EXPECT_EQ(shared.timeline.value, 1u);
  EXPECT_EQ(shared.along.value, 2u);
  EXPECT_EQ(shared.target_lsn, kept_);
  EXPECT_TRUE(shared.inclusive);
  EXPECT_THAT(shared.notes, IsEmpty()) << "it is one and the same transaction";
}

TEST_F(AdoptedCopy, WithAFileOfItsOwnTheNewestTimelineIsTheLatest) {
  second_->checkpoint(50);
  second_->commit(750, 60);
  archive_.put_all(*second_);
  const RecoveryPlan newest = plan(latest());
  EXPECT_EQ(newest.timeline.value, 2u);
  EXPECT_EQ(last_xid(newest), 750u);
  EXPECT_EQ(newest.last_replayed->time, at(60));
  EXPECT_THAT(newest.notes, ElementsAre(HasSubstr("--timeline 1")));
}

TEST_F(AdoptedCopy, WhatTwoTimelinesHoldIsSaid) {
  second_->checkpoint(50);
  second_->commit(750, 60);
  second_->commit(751, 70);
  archive_.put_all(*second_);
  EXPECT_THAT(plan(before(751)).notes,
              ElementsAre(AllOf(HasSubstr("timeline 1 holds another transaction 751, of "
                                          "2000-01-01 00:00:40"),
                                HasSubstr("--timeline 1"))));
  EXPECT_EQ(plan(before(751)).target_lsn, plan(xid(751), 2).target_lsn);
  EXPECT_THAT(plan(before(751), 1).notes, ElementsAre(HasSubstr("--timeline 2")));
  EXPECT_THAT(plan(to(35)).notes,
              ElementsAre(HasSubstr("timeline 1 also holds this moment, with other transactions, "
                                    "up to 2000-01-01 00:00:40")));
  EXPECT_THAT(
      plan(to(55)).notes,
      ElementsAre(HasSubstr("timeline 1 holds other transactions from before this moment")));
  EXPECT_THAT(plan(to(15)).notes, IsEmpty()) << "the same on both";
  EXPECT_THAT(plan(lsn(accident_ + 8)).notes,
              ElementsAre(HasSubstr("timeline 1 also holds this LSN")));
  EXPECT_THAT(plan(lsn(kept_)).notes, IsEmpty());
}

TEST_F(AdoptedCopy, BeforeTheChildsFirstRecordIsAfterTheParentsLast) {
  second_->checkpoint(50);
  archive_.put_all(*second_);
  const RecoveryPlan made = plan(to(45));
  EXPECT_EQ(made.end_lsn, left_);
  EXPECT_EQ(made.timeline.value, 1u);
  EXPECT_EQ(made.target_lsn, kept_);
  EXPECT_TRUE(made.inclusive);
}

// What replay is told does not depend on how it was found. Each commit is tried at each place about
// the end of a segment: as its first record, as its last, in both, behind a record that goes on.
TEST_F(PlanTest, ByIndexesItIsTheSamePlan) {
  constexpr uint64_t kAround = 160;
  for (uint64_t short_of_end = 0; short_of_end <= kAround; short_of_end += 8) {
    SCOPED_TRACE(short_of_end);
    ScratchArchive archive;
    ScratchTimeline log{1};
    archive.backup(log, 1, 2);
    log.commit(748, 10);
    const uint64_t end_of_segment = 3 * kSegment;
    while (log.end().value + 4096 < end_of_segment - short_of_end) log.insert(1000);
    while (log.end().value + 64 < end_of_segment - short_of_end) log.insert(8);
    log.insert(8);
    if (short_of_end % 16 == 0) log.switch_segment();
    log.commit(749, 20);
    log.insert(8);
    log.commit(750, 30);
    log.insert(2 * kSegment);
    log.commit(751, 40);
    log.insert(kSegment);
    archive.put_all(log);
    for (const RecoveryTarget& target :
         {before(749), before(750), before(751), xid(749), xid(750)}) {
      PlanOptions options{.cluster = "main", .target = target, .now = at(1000)};
      const RecoveryPlan read =
          make_plan(options, archive.objects(), silent_progress(), {}).value();
      options.by_indexes = true;
      const RecoveryPlan by_indexes =
          make_plan(options, archive.objects(), silent_progress(), {}).value();
      EXPECT_EQ(by_indexes.end_lsn, read.end_lsn);
      EXPECT_EQ(by_indexes.target_lsn, read.target_lsn);
      EXPECT_EQ(by_indexes.inclusive, read.inclusive);
      EXPECT_EQ(by_indexes.commits_replayed, read.commits_replayed);
      EXPECT_EQ(by_indexes.commits_given_up, read.commits_given_up);
      EXPECT_EQ(last_xid(by_indexes), last_xid(read));
    }
  }
}

TEST_F(PlanTest, ByIndexesNoSegmentIsRead) {
  const auto fill_segments = [&](uint64_t count) {
    for (; count > 0; --count) {
      first_.insert(4000);
      first_.switch_segment();
    }
  };
  archive_.backup(first_, 1, 2);
  fill_segments(3);
  first_.commit(748, 10);
  first_.commit(749, 20);
  fill_segments(3);
  archive_.put_all(first_);
  // Of the first segment no index says all: nobody knows what its first record began with.
  for (uint64_t number = 2; number <= first_.segment_of_end(); ++number) {
    archive_.overwrite(archive_.wal().layout().wal_file(first_.file(number)), "no WAL");
  }
  PlanOptions options{.cluster = "main", .target = before(749), .now = at(1000)};
  EXPECT_FALSE(make_plan(options, archive_.objects(), silent_progress(), {}).ok());
  options.by_indexes = true;
  const Result<RecoveryPlan> plan = make_plan(options, archive_.objects(), silent_progress(), {});
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_EQ(last_xid(*plan), 748u);
}

// A primary that failed left its last segment to its successor; its own copy is ".partial".
TEST_F(PlanTest, WhereTheParentsFileNeverCameTheChildIsFollowed) {
  archive_.backup(first_, 1, 2);
  first_.insert(kSegment);
  const pg::Lsn wanted = first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  second.commit(701, 20);
  archive_.put_segment(first_, 1);
  archive_.put_segment(first_, 2, ".partial");
  archive_.put_history(second);
  archive_.put_all(second);

  const RecoveryPlan made = plan(xid(700));
  EXPECT_EQ(made.target_lsn, wanted);
  EXPECT_EQ(made.timeline.value, 2u);
  EXPECT_THAT(refusal(xid(700), 1), HasSubstr("timeline 2 holds this transaction"));
}

TEST_F(PlanTest, OverSeveralSwitchesEachStretchIsItsTimelines) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  first_.commit(701, 11);
  const pg::Lsn of_second = second.commit(701, 20);
  ScratchTimeline third = second.fork(3);
  second.commit(702, 21);
  third.commit(702, 30);
  for (ScratchTimeline* timeline : {&first_, &second, &third}) archive_.put_all(*timeline);
  for (ScratchTimeline* timeline : {&second, &third}) archive_.put_history(*timeline);

  const RecoveryPlan middle = plan(xid(701));
  EXPECT_EQ(middle.target_lsn, of_second);
  EXPECT_EQ(middle.timeline.value, 2u);
  EXPECT_THAT(middle.notes, ElementsAre(HasSubstr("timeline 1 holds another transaction 701")));
  EXPECT_EQ(plan(xid(700)).timeline.value, 1u);
  EXPECT_EQ(plan(xid(702)).timeline.value, 3u);
  EXPECT_EQ(plan(latest()).commits_replayed, 3u);
}

// A copy of 1 from before 2 began: it never was on 2.
TEST_F(PlanTest, AChildThatLeftEarlierIsAnotherBranch) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline third = first_.fork(3);
  first_.commit(701, 20);
  ScratchTimeline second = first_.fork(2);
  second.commit(702, 30);
  third.commit(701, 40);
  for (ScratchTimeline* timeline : {&first_, &second, &third}) archive_.put_all(*timeline);
  for (ScratchTimeline* timeline : {&second, &third}) archive_.put_history(*timeline);

  const RecoveryPlan made = plan(latest());
  EXPECT_EQ(made.timeline.value, 3u);
  EXPECT_EQ(made.commits_replayed, 2u);
  EXPECT_THAT(made.notes, ElementsAre(HasSubstr("--timeline 2"), HasSubstr("--timeline 1")));
  EXPECT_THAT(refusal(xid(702)), HasSubstr("timeline 2 holds this transaction: --timeline 2"));
}

TEST_F(PlanTest, ABackupOfTheParentAfterTheSwitchDoesNotLeadToTheChild) {
  const BackupSummary early = archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  const BackupSummary late = archive_.backup(first_, 11, 12);
  first_.commit(701, 20);
  second.commit(701, 30);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_all(second);

  EXPECT_EQ(plan(latest()).backup.id, early.id);
  EXPECT_EQ(plan(latest(), 1).backup.id, late.id);
  const RecoveryPlan any = plan(immediate());
  EXPECT_EQ(any.backup.id, early.id);
  EXPECT_THAT(any.notes, ElementsAre(AllOf(HasSubstr(late.id.text), HasSubstr("--timeline 1"))));
}

TEST_F(PlanTest, WithoutItsHistoryTheNewestTimelineIsNotPassedOver) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  second.commit(701, 20);
  archive_.put_all(first_);
  archive_.put_all(second);
  const Result<RecoveryPlan> made = try_plan(latest());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kMissing);
  EXPECT_THAT(made.error().hint, AllOf(HasSubstr("wal-push"), HasSubstr("--timeline 1")));
  EXPECT_EQ(last_xid(plan(latest(), 1)), 700u);
}

TEST_F(AdoptedCopy, LatestDoesNotEndAtAHoleNorGoToAnotherTimeline) {
  second_->insert(kSegment);
  second_->commit(752, 60);
  const pg::Lsn before_the_hole = second_->end();
  second_->insert(3 * kSegment);
  archive_.put_all(*second_);
  archive_.lose(second_->file(3));
  archive_.lose(second_->file(4));

  const std::string refused = refusal(latest());
  EXPECT_THAT(refused, AllOf(HasSubstr("the end of timeline 2 cannot be reached"),
                             HasSubstr("WAL segments " + second_->file(3) + " to " +
                                       second_->file(4) + " are missing"),
                             HasSubstr("up to the gap: --lsn "), HasSubstr("--timeline 1")));
  const std::string up_to = refused.substr(refused.find("--lsn ") + 6);
  const pg::Lsn offered = pg::Lsn::parse(up_to.substr(0, up_to.find(';'))).value();
  EXPECT_GE(offered, before_the_hole);
  EXPECT_EQ(last_xid(plan(lsn(offered))), 752u) << "what is offered works";
}

TEST_F(PlanTest, BeforeTheFirstBackupTheEarliestMomentOfAllIsNamed) {
  archive_.backup(first_, 10, 12);
  first_.commit(700, 20);
  const BackupSummary second = archive_.backup(first_, 30, 32);
  first_.commit(701, 40);
  archive_.put_all(first_);
  EXPECT_THAT(refusal(to(5)),
              AllOf(HasSubstr("00:00:05 UTC is earlier than the end of the first backup"),
                    HasSubstr("earliest moment that can be recovered is 2000-01-01 00:00:12"),
                    Not(HasSubstr("pg_switch_wal"))));
  EXPECT_THAT(refusal(lsn({kSegment + 48})), HasSubstr("earliest moment"));
  EXPECT_EQ(plan(to(35)).backup.id, second.id);
}

TEST_F(PlanTest, AGapIsSaidToBeOneAndFromWhenToWhen) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.insert(kSegment);
  first_.commit(701, 20);
  first_.insert(kSegment);
  archive_.backup(first_, 30, 32);
  first_.commit(702, 40);
  archive_.put_all(first_);
  archive_.lose(first_.file(2));

  EXPECT_THAT(refusal(to(15)),
              AllOf(HasSubstr("lies in a gap: WAL segment " + first_.file(2) + " is missing"),
                    HasSubstr("up to 2000-01-01 00:00:10"),
                    HasSubstr("again from 2000-01-01 "
                              "00:00:32"),
                    Not(HasSubstr("pg_switch_wal"))));
  EXPECT_THAT(refusal(lsn({2 * kSegment + 4096})), HasSubstr("lies in a gap"));
  EXPECT_THAT(refusal(xid(701)), HasSubstr(first_.file(2)));
  EXPECT_EQ(last_xid(plan(latest())), 702u) << "a backup after the gap leads there";
}

TEST_F(PlanTest, BehindAGapWithoutABackupNothingIsReached) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  first_.insert(2 * kSegment);
  first_.commit(701, 20);
  archive_.put_all(first_);
  archive_.lose(first_.file(2));
  EXPECT_THAT(refusal(to(15)), AllOf(HasSubstr("no backup was taken after that"),
                                     HasSubstr("up to 2000-01-01 00:00:10")));
}

TEST_F(PlanTest, ATimeAfterTheLastTransactionSaysSo) {
  archive_.backup(first_, 1, 2);
  first_.commit(700, 10);
  archive_.put_all(first_);
  EXPECT_THAT(refusal(to(20)),
              AllOf(HasSubstr("00:00:20 UTC is later than the last archived transaction, "
                              "700 (2000-01-01 00:00:10 UTC, LSN "),
                    HasSubstr("every moment before 2000-01-01 00:00:10 UTC can be reached"),
                    HasSubstr("--latest"), HasSubstr("CHECKPOINT; SELECT pg_switch_wal()")));
  EXPECT_THAT(refusal(lsn(first_.end() + 100'000)),
              AllOf(HasSubstr("SELECT pg_switch_wal()"), Not(HasSubstr("CHECKPOINT"))));
  EXPECT_THAT(refusal(to(10)), HasSubstr("the very time of the last archived transaction"));
  EXPECT_THAT(refusal(to(2000)), AllOf(HasSubstr("is in the future; it is now 2000-01-01 00:16:40"),
                                       Not(HasSubstr("pg_switch_wal"))));
}

TEST_F(PlanTest, AWrongNameHasTheRightOnes) {
  archive_.backup(first_, 1, 2);
  first_.restore_point("before upgrade", 10);
  first_.restore_point("nightly", 20);
  archive_.put_all(first_);
  EXPECT_THAT(refusal(name("before_upgrade")),
              HasSubstr("nearest restore points: 'before upgrade' (2000-01-01 00:00:10 UTC), "
                        "'nightly'"));
  EXPECT_EQ(plan(name("nightly")).last_replayed->what, "restore point 'nightly'");
}

TEST_F(PlanTest, ARolledBackTransactionSaysSoAndNoMoreWalWouldHelp) {
  archive_.backup(first_, 1, 2);
  first_.abort(700, 10);
  first_.commit(701, 20);
  archive_.put_all(first_);
  EXPECT_THAT(refusal(xid(700)), AllOf(HasSubstr("was rolled back at 2000-01-01 00:00:10"),
                                       Not(HasSubstr("pg_switch_wal"))));
}

TEST_F(PlanTest, ATransactionFromBeforeTheFirstBackupSaysSo) {
  first_.insert();
  archive_.backup(first_, 1, 9);
  archive_.put_all(first_);
  EXPECT_THAT(refusal(xid(600)), HasSubstr("transaction 600 is not in the archived WAL"));
}

TEST_F(PlanTest, TheBackupBeforeTheTransactionServesHoweverManyCameAfter) {
  archive_.backup(first_, 1, 2);
  const pg::Lsn early = first_.commit(700, 10);
  first_.restore_point("point", 11);
  const BackupSummary second = archive_.backup(first_, 20, 22);
  first_.insert(kSegment);
  first_.commit(701, 30);
  archive_.backup(first_, 40, 42);
  first_.commit(702, 50);
  archive_.put_all(first_);
  const RecoveryPlan made = plan(xid(700));
  EXPECT_EQ(made.target_lsn, early);
  EXPECT_EQ(made.commits_given_up, 2u) << "counted to the end, not to the next backup";
  EXPECT_EQ(plan(name("point")).commits_given_up, 2u);
  EXPECT_EQ(plan(before(701)).backup.id, second.id);
  EXPECT_THAT(refusal(xid(4'000'000)), HasSubstr("whose last transaction is 702"));
}

// Two backups, from both of which the end can be reached.
class DamagedBackup : public PlanTest {
 protected:
  DamagedBackup() {
    older_ = archive_.backup(first_, 1, 2);
    first_.commit(700, 10);
    newer_ = archive_.backup(first_, 20, 22);
    first_.commit(701, 30);
    archive_.put_all(first_);
  }
  BackupSummary older_, newer_;
};

TEST_F(DamagedBackup, WithADamagedManifestIsPassedOverForAnOlderOne) {
  damage_manifest(newer_);
  const RecoveryPlan made = plan(latest());
  EXPECT_EQ(made.backup.id, older_.id);
  EXPECT_EQ(last_xid(made), 701u);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("backups/backup-2/manifest.zst")));
  EXPECT_EQ(made.unreadable, told_);
}

TEST_F(DamagedBackup, WithADamagedSummaryIsPassedOverForAnOlderOne) {
  damage_summary(newer_);
  EXPECT_EQ(plan(latest()).backup.id, older_.id);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("backups/backup-2/summary.json")));
}

// Made by somebody who may write to the repository: whole, and not the manifest's.
TEST_F(DamagedBackup, WithAnotherSummaryIsPassedOverForAnOlderOne) {
  BackupSummary forged = newer_;
  forged.stopped_at = at(21);
  archive_.overwrite(archive_.wal().layout().summary(newer_.id),
                     catalog::make_summary_object(forged).text);
  EXPECT_EQ(plan(latest()).backup.id, older_.id);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("backups/backup-2/summary.json")));
}

TEST_F(DamagedBackup, ThatIsTheOnlyOneToReachTheTargetIsTheFailure) {
  damage_manifest(older_);
  const Result<RecoveryPlan> before_the_newer = try_plan(to(15));
  ASSERT_FALSE(before_the_newer.ok());
  EXPECT_EQ(before_the_newer.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(before_the_newer.error().message, HasSubstr("backups/backup-1/manifest.zst"));
  EXPECT_THAT(told_, IsEmpty()) << "the failure says it";

  EXPECT_EQ(plan(latest()).backup.id, newer_.id);
  EXPECT_THAT(told_, IsEmpty()) << "it was not looked at";
}

TEST_F(DamagedBackup, WhenAllAreTheNewestIsNamed) {
  damage_summary(newer_);
  damage_summary(older_);
  const Result<RecoveryPlan> made = try_plan(latest());
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().kind, ErrorKind::kCorrupt);
  EXPECT_THAT(made.error().message, HasSubstr("backup-2"));
  EXPECT_THAT(told_, ElementsAre(HasSubstr("backup-1")));
}

TEST_F(DamagedBackup, IsToldBesideARefusalToo) {
  damage_manifest(newer_);
  EXPECT_THAT(refusal(xid(4'000'000)), HasSubstr("transaction 4000000 is not in"));
  EXPECT_THAT(told_, ElementsAre(HasSubstr("backups/backup-2/manifest.zst")));
}

// wal_level was minimal for a while, for a bulk load, and no segment is missing.
class MinimalSpan : public PlanTest {
 protected:
  MinimalSpan() {
    archive_.backup(first_, 1, 2);
    first_.commit(700, 10);
    kept_ = first_.end();
    begin_ = first_.wal_level(0);
    first_.commit(701, 20);
    first_.wal_level(1);
    first_.commit(702, 30);
  }
  void archived() { archive_.put_all(first_); }

  pg::Lsn kept_, begin_;
};

TEST_F(MinimalSpan, NothingBehindItsBeginningIsPlanned) {
  archived();
  const std::string why =
      "from LSN " + begin_.text() + " on the WAL was written with wal_level=minimal";
  for (const RecoveryTarget& target : {latest(), to(15), to(25), xid(701), before(702)}) {
    EXPECT_THAT(refusal(target), HasSubstr(why)) << target_kind_name(target.kind);
  }
  EXPECT_THAT(refusal(latest()), HasSubstr("--lsn " + begin_.text()));
  EXPECT_THAT(refusal(lsn(first_.end())), HasSubstr(why));
}

TEST_F(MinimalSpan, WhatLiesBeforeItIsPlannedAndAllThatIsGivenUpIsCounted) {
  archived();
  EXPECT_EQ(last_xid(plan(xid(700))), 700u);
  EXPECT_EQ(plan(xid(700)).commits_given_up, 2u);
  EXPECT_EQ(plan(before(700)).commits_given_up, 3u);
  EXPECT_EQ(plan(lsn(begin_)).end_lsn, kept_);
  EXPECT_EQ(last_xid(plan(to(9))), 0u);
  EXPECT_EQ(plan(immediate()).commits_replayed, 0u);
}

TEST_F(MinimalSpan, ABackupAfterItLeadsFurther) {
  archive_.backup(first_, 40, 41);
  first_.commit(703, 50);
  archived();
  EXPECT_EQ(last_xid(plan(latest())), 703u);
  EXPECT_EQ(last_xid(plan(xid(700))), 700u);
  EXPECT_THAT(refusal(to(25)), AllOf(HasSubstr("wal_level=minimal"), HasSubstr("and again from")));
  EXPECT_THAT(refusal(xid(701)), HasSubstr("wal_level=minimal"));
}

TEST_F(MinimalSpan, ANameIsNotTakenFromBehindIt) {
  first_.restore_point("here", 60);
  archived();
  EXPECT_THAT(refusal(name("here")), HasSubstr("wal_level=minimal"));
}

}  // namespace
}  // namespace walkback::restore
