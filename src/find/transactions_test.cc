// Transactions: where they begin and end, what they took, which are found.
#include <gmock/gmock.h>

#include "find/testing/indexed_segment.h"

namespace walkback::find {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(Transactions, ComeWithWhatTheyTookFirst) {
  const auto found = find({Segment(1)
                               .runs(700, 700)
                               .works(700, {{kPayments, {.inserted = 1000}}})
                               .commits(700, 10)
                               .works(701, {{kPayments, {.deleted = 5}}, {kLedger, {.updated = 1}}})
                               .commits(701, 20)
                               .works(702, {{kPayments, {.deleted = 7}}})
                               .rolls_back(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701, 700, 702));
  EXPECT_EQ(found[0].outcome, Outcome::kCommitted);
  EXPECT_EQ(found[2].outcome, Outcome::kRolledBack) << "after those that happened";
  EXPECT_EQ(found[0].ended_at, at(20));
  EXPECT_EQ(found[0].began_at, at(10));
  EXPECT_EQ(found[1].began_at, std::nullopt) << "nothing is known of before";
  EXPECT_FALSE(found[1].may_be_more) << "it had no xid when the snapshot was taken";
  EXPECT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(search_->totals().committed, 2u);
  EXPECT_EQ(search_->totals().rolled_back, 1u);
  EXPECT_EQ(search_->totals().deleted, 5u);
}

// Whatever is kept of them.
TEST_F(Transactions, AreCountedExactly) {
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 900; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = 1}}, {kLedger, {.inserted = 2}}});
    segment.commits(xid, xid);
  }
  segment.works(900, {{kPayments, {.deleted = 5}}}).rolls_back(900, 900);
  segment.works(901, {{kLedger, {.deleted = 70}}}).commits(901, 901);
  options_.keep = 2;
  options_.asked_for = [](const TouchedFiles& touched) -> std::optional<AskedFor> {
    std::optional<AskedFor> asked;
    for (const TouchedFile& file : touched.files) {
      if (file.file == kPayments) asked = AskedFor{file.rows, 0};
    }
    return asked;
  };
  for (const bool earliest_first : {false, true}) {
    options_.earliest_first = earliest_first;
    const auto found = find({segment});
    ASSERT_THAT(found, SizeIs(3)) << "two of those that committed, and one that did not";
    EXPECT_EQ(found[2].xid, 900u);
    if (earliest_first) {
      EXPECT_THAT(xids(found), ElementsAre(700, 701, 900));
    }
    const TransactionSearch::Tally& tally = search_->tally();
    EXPECT_EQ(tally.transactions, 200u);
    EXPECT_EQ(tally.sum.rows, (wal::RowCounts{.deleted = 200}));
    EXPECT_EQ(tally.first_xid, 700u);
    EXPECT_EQ(tally.first_at, at(700));
    EXPECT_EQ(tally.last_at, at(899));
  }
}

TEST_F(Transactions, AreWholeOverSegments) {
  const auto found =
      find({Segment(1).works(700, {{kPayments, {.deleted = 5}}}),
            Segment(2).works(700, {{kPayments, {.deleted = 7}}, {kLedger, {.updated = 2}}}),
            Segment(3).commits(700, 10)});
  ASSERT_THAT(found, SizeIs(1));
  ASSERT_THAT(found[0].files, SizeIs(2));
  EXPECT_EQ(found[0].files[0].rows, (wal::RowCounts{.deleted = 12}));
  EXPECT_EQ(found[0].files[1].rows, (wal::RowCounts{.updated = 2}));
}

TEST_F(Transactions, TakeTheirSubtransactionsWithThem) {
  const auto found =
      find({Segment(1)
                .works(700, {{kPayments, {.deleted = 1}}})
                .works(701, {{kPayments, {.deleted = 10}}})
                .works(702, {{kPayments, {.deleted = 100}}})
                .rolls_back(702, 5),  // to a savepoint
            Segment(2).works(701, {{kPayments, {.deleted = 20}}}).commits_with(700, 10, {701})});
  EXPECT_THAT(xids(found), ElementsAre(700, 702));
  EXPECT_EQ(found[0].files[0].rows.deleted, 31);
  EXPECT_EQ(found[0].subtransactions, 1u);
}

TEST_F(Transactions, ThatDoNotEndAreCalledThat) {
  const auto found = find({Segment(1).works(700, {{kPayments, {.deleted = 5}}})});
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  EXPECT_EQ(found[0].ended_at, std::nullopt);
  EXPECT_EQ(search_->totals().committed, 0u);
}

TEST_F(Transactions, ThatACrashEndedAreNotCarriedOnForEver) {
  options_.until = at(100);
  for (const bool in_window : {true, false}) {
    options_.since = at(in_window ? 5 : 50);
    const auto found = find({Segment(1)
                                 .works(700, {{kPayments, {.deleted = 5}}})
                                 .works(715, {{kLedger, {.deleted = 3}}}),
                             Segment(2).works(701, {{kPayments, {.deleted = 1}}}).commits(701, 10),
                             Segment(3).runs(710, 720)});
    if (in_window) {
      EXPECT_THAT(xids(found), ElementsAre(701, 700, 715));
      EXPECT_EQ(found[1].outcome, Outcome::kInterrupted);
    } else {
      EXPECT_THAT(xids(found), ElementsAre(715));
    }
  }
}

// A shutdown checkpoint: of a server that stopped, or that has recovered from a crash.
TEST_F(Transactions, NothingButWhatIsPreparedOutlivesTheServer) {
  const auto found = find({Segment(1)
                               .works(699, {{kPayments, {.deleted = 9}}})
                               .prepares(699, 3, "it's")
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .commits(698, 5),
                           Segment(2)
                               .works(701, {{kPayments, {.deleted = 4}}})
                               .stops_server(702)
                               .works(702, {{kPayments, {.deleted = 3}}})});
  EXPECT_THAT(xids(found), ElementsAre(699, 700, 701, 702));
  EXPECT_EQ(found[0].outcome, Outcome::kPrepared);
  EXPECT_EQ(found[0].gid, "it's");
  EXPECT_EQ(found[0].prepared_at, at(3));
  EXPECT_EQ(found[1].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[1].interrupted_after, at(5));
  EXPECT_EQ(found[2].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[3].outcome, Outcome::kUnfinished);
}

TEST_F(Transactions, BeganAfterTheLastEndBeforeTheirFirstRecord) {
  const auto found = find({Segment(1).runs(690, 700).commits(690, 1),
                           Segment(2)
                               .works(700, {{kPayments, {.deleted = 5}}})  // before any end here
                               .commits(691, 2)
                               .commits_and_drops(692, 3, {kLedger})
                               .works(701, {{kPayments, {.deleted = 4}}})
                               .commits(693, 4)
                               .works(702, {{kPayments, {.deleted = 3}}}),
                           Segment(3).commits(700, 10).commits(701, 11).commits(702, 12)});
  std::map<uint64_t, std::optional<Timestamp>> began;
  for (const FoundTransaction& each : found) began[each.xid] = each.began_at;
  EXPECT_EQ(began[700], at(1));
  EXPECT_EQ(began[701], at(3)) << "the end of a DROP is a record of its own";
  EXPECT_EQ(began[702], at(4));
}

// A loop with an EXCEPTION block.
TEST_F(Transactions, SavepointsWhoseTransactionIsKnownAreOneEntry) {
  Segment segment(1);
  std::vector<pg::Xid> subxids;
  for (pg::Xid xid = 701; xid < 765; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = 1}}}).rolls_back(xid, 5);
    subxids.push_back(xid);
  }
  segment.assigns(700, subxids).works(770, {{kPayments, {.deleted = 1}}});
  segment.rolls_back(770, 6).commits(700, 10);
  const auto found = find({segment});
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].savepoints_of, 700u);
  EXPECT_EQ(found[0].savepoints, 64u);
  ASSERT_THAT(found[0].files, SizeIs(1));
  EXPECT_EQ(found[0].files[0].rows.deleted, 64);
  EXPECT_EQ(found[1].xid, 770u);
  EXPECT_EQ(found[1].savepoints_of, std::nullopt);
}

TEST_F(Transactions, OneAloneIsFoundHoweverLittleItDid) {
  const Segment segment = Segment(1)
                              .works(700, {{kPayments, {.deleted = 5}}})
                              .commits(700, 10)
                              .commits(701, 11)
                              .works(703, {{kPayments, {.deleted = 1}}})
                              .commits_with(702, 12, {703});
  for (const auto& [asked, answer] : {std::pair(700, 700), {701, 701}, {703, 702}}) {
    options_.xid = asked;
    EXPECT_THAT(xids(find({segment})), ElementsAre(answer)) << asked;
    EXPECT_EQ(search_->tally().transactions, 1u) << "what others did is theirs";
  }
  options_.xid = 709;
  EXPECT_THAT(find({segment}), IsEmpty());
  EXPECT_EQ(search_->tally().transactions, 0u);
}

TEST_F(Transactions, OutsideTheWindowAreNotFoundButFollowed) {
  options_.since = at(15);
  options_.until = at(25);
  const auto found = find({Segment(1)
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .works(701, {{kPayments, {.deleted = 5}}})
                               .works(702, {{kPayments, {.deleted = 5}}})
                               .commits(700, 10)
                               .commits(701, 20)
                               .commits(702, 30)});
  EXPECT_THAT(xids(found), ElementsAre(701));
  EXPECT_EQ(search_->totals().committed, 1u);
  EXPECT_EQ(search_->first_time(), at(20));
  EXPECT_EQ(search_->last_time(), at(20));
}

TEST_F(Transactions, OnlyTheHeaviestAreKept) {
  options_.keep = 3;
  Segment segment(1);
  for (pg::Xid xid = 700; xid < 800; ++xid) {
    segment.works(xid, {{kPayments, {.deleted = (xid * 37) % 101}}}).commits(xid, xid);
  }
  const auto found = find({segment});
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].files[0].rows.deleted, 100);
  EXPECT_EQ(found[1].files[0].rows.deleted, 99);
  EXPECT_EQ(found[2].files[0].rows.deleted, 98);
  EXPECT_EQ(search_->totals().committed, 100u);
}

TEST_F(Transactions, WhatTheCatalogsRowsDidDoesNotCount) {
  EXPECT_THAT(find({Segment(1).works(700, {{kCatalog, {.deleted = 500}}}).commits(700, 10)}),
              IsEmpty());
}

TEST_F(Transactions, BeforeAGapTheyAreNotEndedAfterIt) {
  search_.emplace(options_, names_, 15);
  ASSERT_TRUE(
      search_
          ->see(Segment(1).runs(700, 700).works(700, {{kPayments, {.deleted = 5}}}).summary(),
                {UINT64_MAX})
          .ok());
  search_->skip();
  ASSERT_TRUE(search_
                  ->see(Segment(3)
                            .works(701, {{kPayments, {.deleted = 1}}})
                            .commits(701, 10)
                            .works(702, {{kPayments, {.deleted = 1}}})
                            .runs(702, 703)
                            .works(703, {{kPayments, {.deleted = 1}}})
                            .commits(702, 20)
                            .commits(703, 30)
                            .summary(),
                        {UINT64_MAX})
                  .ok());
  const auto found = search_->finish();
  EXPECT_THAT(xids(found), ElementsAre(701, 702, 703));
  EXPECT_TRUE(found[0].may_be_more);
  EXPECT_TRUE(found[1].may_be_more) << "an end before its first record here says nothing of before";
  EXPECT_EQ(found[1].began_at, std::nullopt);
  EXPECT_FALSE(found[2].may_be_more);
  EXPECT_EQ(found[2].began_at, at(10));
}

TEST_F(Transactions, WhatWasPreparedUnseenIsListedWithoutRows) {
  const Segment segment =
      Segment(1).commits(690, 5).commits_prepared(700, 10).commits_with(691, 20, {692});
  const auto found = find({segment});
  ASSERT_THAT(xids(found), ElementsAre(700));
  EXPECT_TRUE(found[0].work_unseen);
  EXPECT_TRUE(found[0].may_be_more);
  EXPECT_THAT(found[0].files, IsEmpty());
  EXPECT_THAT(find({Segment(1).runs(700, 700).prepares(700, 3, "a").commits_prepared(700, 10)}),
              IsEmpty())
      << "it changed nothing";
}

// Whose work is in the segment in which a standby was promoted.
TEST_F(Transactions, APromotionEndsWhatRan) {
  const auto found = find({Segment(1)
                               .runs(700, 700)
                               .works(700, {{kPayments, {.deleted = 5}}})
                               .commits(699, 5)
                               .ends_recovery()
                               .works(701, {{kLedger, {.deleted = 3}}})});
  EXPECT_THAT(xids(found), ElementsAre(700, 701));
  EXPECT_EQ(found[0].outcome, Outcome::kInterrupted);
  EXPECT_EQ(found[0].interrupted_after, at(5));
  EXPECT_EQ(found[1].outcome, Outcome::kUnfinished);
}

TEST_F(Transactions, WhoRunsWhereReadingStopsMayEndBehindIt) {
  options_.until = at(100);
  search_.emplace(options_, names_, 15);
  const auto sees = [&](const Segment& segment) {
    ASSERT_TRUE(search_->see(segment.summary(), {UINT64_MAX}).ok());
  };
  sees(Segment(1)
           .runs(700, 700)
           .works(700, {{kPayments, {.deleted = 5}}})
           .works(701, {{kPayments, {.deleted = 4}}})
           .commits(699, 200)
           .works(702, {{kPayments, {.deleted = 3}}}));
  search_->await_open();
  EXPECT_TRUE(search_->awaits_any());
  sees(Segment(2).commits(700, 210));
  EXPECT_TRUE(search_->awaits_any());
  sees(Segment(3).works(703, {{kPayments, {.deleted = 2}}}).commits(701, 220));
  EXPECT_FALSE(search_->awaits_any()) << "those open began after the window";
  sees(Segment(4).works(704, {{kPayments, {.deleted = 2}}}));
  search_->leave();
  EXPECT_THAT(search_->finish(), IsEmpty());

  search_.emplace(options_, names_, 15);
  sees(Segment(1).works(700, {{kPayments, {.deleted = 5}}}));
  search_->leave();
  const auto found = search_->finish();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].outcome, Outcome::kUnfinished);
  EXPECT_TRUE(found[0].log_goes_on);
}

TEST_F(Transactions, HaveTheEpochThatACheckpointNearbyTells) {
  search_.emplace(options_, names_, 15);
  ASSERT_TRUE(
      search_
          ->see(Segment(1).works(700, {{kPayments, {.deleted = 5}}}).commits(700, 10).summary(),
                {UINT64_MAX})
          .ok());
  EXPECT_FALSE(search_->knows_epoch());
  search_->learn_epoch({(uint64_t{5} << 32) + 690});
  EXPECT_THAT(xids(search_->finish()), ElementsAre((uint64_t{5} << 32) + 700));
}

TEST_F(Transactions, XidsCountOnOverTheirWrap) {
  const auto found = find({Segment(1)
                               .works(4'294'967'295, {{kPayments, {.deleted = 5}}})
                               .commits(4'294'967'295, 10)
                               .works(3, {{kPayments, {.deleted = 4}}})
                               .commits(3, 20)});
  EXPECT_THAT(xids(found), ElementsAre(4'294'967'295, (uint64_t{1} << 32) + 3));
}

TEST_F(Transactions, ARecordThatCannotBeReadIsAnError) {
  search_.emplace(options_, names_, 15);
  const Segment segment =
      Segment(1).commits(699, 5).record(wal::kTransactionRmgr, wal::kCommit, 700, Bytes(3));
  EXPECT_FALSE(search_->see(segment.summary(), {UINT64_MAX}).ok());
  EXPECT_EQ(search_->unread_from(), segment.summary().kept[0].start);
}

// With wal_level=logical a subtransaction's first record names its transaction.
TEST_F(Transactions, ARecordThatNamesItsTransactionIsRead) {
  const auto found = find({Segment(1)
                               .creates(701, kPayments, pg::Fork::kMain, 700)
                               .commits_with(700, 10, {701})
                               .works(703, {{kPayments, {.deleted = 1}}})
                               .rolls_back(703, 11)
                               .assigns(702, {703}, true)
                               .works(704, {{kPayments, {.deleted = 5}}})
                               .commits(704, 12)});
  ASSERT_THAT(xids(found), ElementsAre(704, 700, 703));
  EXPECT_EQ(found[2].savepoints_of, 702u);
}

TEST_F(Transactions, WhatIsBeyondTheEndDoesNotCount) {
  search_.emplace(options_, names_, 15);
  const Segment segment = Segment(1)
                              .works(700, {{kPayments, {.deleted = 5}}})
                              .works(701, {{kPayments, {.deleted = 6}}})
                              .commits(700, 10)
                              .commits(701, 20);
  ASSERT_TRUE(search_->see(segment.summary(), segment.summary().plain_ends[1].start).ok());
  EXPECT_EQ(search_->totals().committed, 1u);
}

}  // namespace
}  // namespace walkback::find
