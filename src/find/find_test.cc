#include "find/find.h"

#include <gmock/gmock.h>

#include "catalog/testing/scratch_archive.h"

namespace walkback::find {
namespace {

using catalog::at;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr wal::RelationLocator kPayments{1663, 5, 16384};
constexpr wal::RelationLocator kLedger{1663, 5, 16390};
constexpr double kHour = 3600;

class FindTest : public testing::Test {
 protected:
  FindTest() {
    options_.cluster = "main";
    options_.since = at(0);
    options_.until = at(1000 * kHour);
  }
  FindReport find() {
    Result<FindReport> report = run_find(options_, archive_.objects(), silent_progress(), {});
    EXPECT_TRUE(report.ok()) << (report.ok() ? "" : report.error().message);
    return std::move(report).value();
  }
  static std::vector<uint64_t> xids(const FindReport& report) {
    std::vector<uint64_t> xids;
    for (const FoundWork& work : report.found) xids.push_back(work.transaction.xid);
    return xids;
  }
  // One transaction, of so many rows.
  void deletes(ScratchTimeline& log, pg::Xid xid, double second, int rows = 1,
               const wal::RelationLocator& relation = kPayments) {
    log.remove(xid, relation, rows);
    log.commit(xid, second);
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
  FindOptions options_;
};

TEST_F(FindTest, GivesTheLargestFirstWithWhatTheyDid) {
  deletes(log_, 700, 10, 3);
  deletes(log_, 701, 20, 30);
  deletes(log_, 702, 30, 1);
  archive_.put_all(log_);
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(701, 700, 702));
  ASSERT_THAT(report.found[0].tables, SizeIs(1));
  EXPECT_EQ(report.found[0].tables[0].rows.deleted, 30);
  EXPECT_EQ(report.found[0].tables[0].name, std::nullopt);
  EXPECT_EQ(report.found[0].tables[0].file, kPayments);
  EXPECT_THAT(report.unknown, IsEmpty());
  EXPECT_EQ(report.first, at(10));
  EXPECT_EQ(report.last, at(30));
}

TEST_F(FindTest, LimitsWhatItShowsAndSaysHowManyMore) {
  for (pg::Xid xid = 700; xid < 720; ++xid) deletes(log_, xid, xid, static_cast<int>(xid - 699));
  archive_.put_all(log_);
  options_.limit = 3;
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(719, 718, 717));
  EXPECT_EQ(report.more, 17u);
  options_.earliest_first = true;
  EXPECT_THAT(xids(find()), ElementsAre(700, 701, 702));
}

TEST_F(FindTest, WhatWasRolledBackTakesNoPlaceOfWhatHappened) {
  for (pg::Xid xid = 700; xid < 720; ++xid) {
    log_.remove(xid, kPayments, 100);
    log_.abort(xid, xid);
  }
  deletes(log_, 720, 720, 2);
  deletes(log_, 721, 721, 1);
  archive_.put_all(log_);
  options_.limit = 2;
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(720, 721));
  EXPECT_EQ(report.more, 0u);
  EXPECT_EQ(report.tally.transactions, 2u);
  EXPECT_EQ(report.tally.sum.rows.deleted, 3);
  EXPECT_THAT(report.others, SizeIs(kFewOthers));
}

TEST_F(FindTest, ReadsNoMoreThanTheWindowOfALongArchive) {
  constexpr uint64_t kSegments = 200;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    const auto xid = static_cast<pg::Xid>(700 + number);
    log_.running(xid, xid);
    deletes(log_, xid, static_cast<double>(number) * kHour);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  options_.since = at(100 * kHour - 1);
  options_.until = at(102 * kHour + 1);
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(800, 801, 802));
  EXPECT_LE(report.segments, 8u);
  options_.since = at(199 * kHour);
  options_.until = at(1000 * kHour);
  EXPECT_THAT(xids(find()), UnorderedElementsAre(899, 900));
  options_.since = at(0);
  options_.until = at(2 * kHour);
  EXPECT_THAT(xids(find()), UnorderedElementsAre(701, 702));
  options_.since = options_.until = at(500 * kHour);
  EXPECT_THAT(xids(find()), IsEmpty());
}

// What it did before the window belongs to it.
TEST_F(FindTest, ATransactionThatBeganLongBeforeIsWhole) {
  constexpr uint64_t kSegments = 150;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    if (number == 20) log_.remove(5000, kPayments, 40);
    const auto xid = static_cast<pg::Xid>(number < 20 ? 4000 + number : 6000 + number);
    deletes(log_, xid, static_cast<double>(number) * kHour, 1, kLedger);
    log_.running(number >= 20 && number <= 140 ? 5000 : xid + 1, xid + 1);
    if (number == 140) {
      log_.remove(5000, kPayments, 2);
      log_.commit(5000, 140 * kHour + 1);
    }
    log_.switch_segment();
  }
  archive_.put_all(log_);
  options_.since = at(140 * kHour);
  options_.until = at(141 * kHour);
  const FindReport report = find();
  ASSERT_FALSE(report.found.empty());
  EXPECT_EQ(report.found[0].transaction.xid, 5000u);
  EXPECT_EQ(report.found[0].tables[0].rows.deleted, 42);
  EXPECT_LT(report.segments, 130u);
}

// All ends of a segment may be those of subtransactions, of DDL, or of commits that wait for a
// standby's replay: they are times like any.
TEST_F(FindTest, EndsOfEveryKindSayWhereTheWindowLies) {
  constexpr uint64_t kSegments = 100;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    const auto xid = static_cast<pg::Xid>(700 + 2 * number);
    log_.running(xid, xid);
    log_.remove(xid, kPayments, 1);
    log_.commit_with(xid, static_cast<double>(number) * kHour, {xid + 1});
    log_.switch_segment();
  }
  archive_.put_all(log_);
  EXPECT_EQ(find().totals.committed, kSegments);
  options_.since = at(50 * kHour);
  options_.until = at(51 * kHour);
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(800, 802));
  EXPECT_LE(report.segments, 8u);
  EXPECT_EQ(report.archive_first, at(kHour));
  EXPECT_EQ(report.archive_last, at(100 * kHour));
}

// What ends nowhere, and what an index that is missing holds, is left out by no bound.
TEST_F(FindTest, SegmentsWithoutTimesAreReadWhereTheyMayBeInTheWindow) {
  constexpr uint64_t kSegments = 120;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    const auto xid = static_cast<pg::Xid>(700 + number);
    log_.running(number > 60 ? 760 : xid, xid);
    if (number > 100) {
      log_.remove(900, kLedger, 1);
    } else if (number >= 60 && number <= 80) {
      log_.remove(760, kPayments, 1);
    } else {
      deletes(log_, xid, static_cast<double>(number) * kHour);
    }
    log_.switch_segment();
  }
  archive_.put_all(log_);
  options_.until = at(61 * kHour);  // in the midst of those without
  for (const double since : {0.0, 58 * kHour}) {
    options_.since = at(since);
    const FindReport report = find();
    ASSERT_FALSE(report.others.empty());
    EXPECT_EQ(report.others[0].transaction.xid, 760u);
    EXPECT_EQ(report.others[0].tables[0].rows.deleted, 21);
  }
  options_.until = at(1000 * kHour);
  options_.since = at(99 * kHour);
  const FindReport report = find();
  ASSERT_THAT(report.others, SizeIs(2));
  EXPECT_EQ(report.others[1].transaction.xid, 900u);
  EXPECT_EQ(report.others[1].tables[0].rows.deleted, 20);
}

// Another that was older, and wrote alone for a while, ended before the window.
TEST_F(FindTest, OneIsWholeThoughOnlyOlderOnesWroteForAWhile) {
  constexpr uint64_t kSegments = 150;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    const auto second = static_cast<double>(number) * kHour;
    const auto xid = static_cast<pg::Xid>((number < 20 ? 4000 : 6000) + number);
    const pg::Xid oldest = number < 10 || number > 139 ? xid : number <= 60 ? 4500 : 5000;
    if (number != 140) log_.running(oldest, xid);
    if (number == 20) log_.remove(5000, kPayments, 40);
    if (number >= 10 && number < 60) log_.remove(4500, kLedger, 1);
    if (number < 30 || number >= 60) deletes(log_, xid, second, 1, kLedger);
    if (number == 60) log_.commit(4500, second);
    if (number == 140) {
      // Before the first snapshot of the window.
      log_.remove(5000, kPayments, 2);
      log_.commit(5000, second + 1);
    }
    log_.switch_segment();
  }
  archive_.put_all(log_);
  options_.since = at(140 * kHour);
  options_.until = at(141 * kHour + 1);
  const FindReport report = find();
  ASSERT_FALSE(report.found.empty());
  EXPECT_EQ(report.found[0].transaction.xid, 5000u);
  EXPECT_EQ(report.found[0].tables[0].rows.deleted, 42);
  EXPECT_FALSE(report.found[0].transaction.may_be_more);
}

TEST_F(FindTest, WithoutASnapshotNothingIsCalledWhole) {
  deletes(log_, 700, 10, 3);
  deletes(log_, 701, 20, 2);
  archive_.put_all(log_);
  for (const FoundWork& work : find().found) {
    EXPECT_TRUE(work.transaction.may_be_more);
    EXPECT_EQ(work.transaction.began_at, std::nullopt);
  }
}

TEST_F(FindTest, TheEndOfWhatRanInTheWindowIsLookedForBehindIt) {
  constexpr uint64_t kSegments = 300;
  for (uint64_t number = 1; number <= kSegments; ++number) {
    const auto xid = static_cast<pg::Xid>(700 + number);
    log_.running(number <= 50 ? xid : number <= 60 ? 750 : number <= 290 ? 755 : xid, xid);
    if (number == 50) log_.remove(750, kPayments, 40);
    if (number == 55) log_.remove(755, kPayments, 30);
    if (number != 50 && number != 55) deletes(log_, xid, static_cast<double>(number) * kHour);
    if (number == 60) log_.commit(750, 60 * kHour + 1);
    if (number == 290) log_.commit(755, 290 * kHour + 1);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  options_.since = at(53 * kHour);
  options_.until = at(57 * kHour);
  const FindReport report = find();
  ASSERT_THAT(report.others, SizeIs(1)) << "750 has ended behind the window";
  EXPECT_EQ(report.others[0].transaction.xid, 755u);
  EXPECT_EQ(report.others[0].transaction.outcome, Outcome::kUnfinished);
  EXPECT_TRUE(report.others[0].transaction.log_goes_on);
  options_.until = at(280 * kHour);
  EXPECT_THAT(find().others, IsEmpty());
}

TEST_F(FindTest, TheEpochIsLookedForOutsideTheWindow) {
  constexpr uint64_t kSegments = 100, kEpoch = uint64_t{5} << 32;
  for (const uint64_t at_segment : {uint64_t{2}, uint64_t{98}}) {
    ScratchArchive archive;
    ScratchTimeline log{1};
    for (uint64_t number = 1; number <= kSegments; ++number) {
      const auto xid = static_cast<pg::Xid>(700 + number);
      log.running(xid, xid);
      if (number == at_segment) log.checkpoint(static_cast<int64_t>(number) * 3600, kEpoch + xid);
      deletes(log, xid, static_cast<double>(number) * kHour);
      log.switch_segment();
    }
    archive.put_all(log);
    options_.since = options_.until = at(50 * kHour);
    const auto report = run_find(options_, archive.objects(), silent_progress(), {});
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(xids(*report), ElementsAre(kEpoch + 750));
    EXPECT_LE(report->segments, 8u);
  }
}

// The last in the log is what "archived up to" means, whatever the clock said before.
TEST_F(FindTest, TheArchiveEndsWithItsLastEndThoughTheClockWasSetBack) {
  deletes(log_, 700, 10 * kHour);
  deletes(log_, 701, 2 * kHour);
  log_.remove(702, kPayments, 1);
  log_.commit_with(702, 3 * kHour, {703});
  archive_.put_all(log_);
  const FindReport report = find();
  EXPECT_EQ(report.archive_first, at(10 * kHour));
  EXPECT_EQ(report.archive_last, at(3 * kHour));
}

TEST_F(FindTest, AnIndexOfAnotherSegmentIsMadeUpForByTheSegment) {
  for (pg::Xid xid = 700; xid < 704; ++xid) {
    deletes(log_, xid, xid);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  for (const uint64_t from : {2, 4}) {
    archive_.copy_index(log_.file(from), log_.file(3));
    EXPECT_THAT(xids(find()), UnorderedElementsAre(700, 701, 702, 703));
  }
  archive_.overwrite(archive_.wal().layout().wal_file(log_.file(3)), "no segment");
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(700, 701, 703));
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_THAT(report.unknown[0].what, HasSubstr("index of another segment"));
}

TEST_F(FindTest, StretchesWithUnreadOnesBetweenAreNotPutTogether) {
  for (uint64_t number = 1; number <= 120; ++number) {
    const auto xid = static_cast<pg::Xid>(700 + number);
    log_.running(xid, xid);
    if (number == 10) log_.remove(5000, kPayments, 7);
    deletes(log_, xid, static_cast<double>(number) * kHour);
    if (number == 115) log_.commit(5000, 11 * kHour);  // by a clock that was set back
    log_.switch_segment();
  }
  archive_.put_all(log_);
  archive_.lose(log_.file(110));
  options_.since = at(9 * kHour);
  options_.until = at(11 * kHour);
  for (const FoundWork& work : find().found) {
    EXPECT_NE(work.transaction.xid, 5000u) << "what it did in between is not known";
  }
}

TEST_F(FindTest, AGapIsSaidAndNothingIsPutTogetherOverIt) {
  deletes(log_, 700, 10);
  log_.remove(701, kPayments, 5);
  log_.switch_segment();
  deletes(log_, 702, 20);
  log_.switch_segment();
  log_.commit(701, 30);
  deletes(log_, 703, 40);
  archive_.put_all(log_);
  archive_.lose(log_.file(2));
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(700, 703));
  EXPECT_TRUE(report.found[1].transaction.may_be_more) << "it may have begun in the gap";
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_THAT(report.unknown[0].what, HasSubstr(log_.file(2)));
  EXPECT_EQ(report.unknown[0].from.value, 2u * ScratchTimeline::kSegmentBytes);
  EXPECT_EQ(report.unknown[0].to.value, 3u * ScratchTimeline::kSegmentBytes);
}

TEST_F(FindTest, ADamagedSegmentIsSaidAndTheOthersAreKnown) {
  for (pg::Xid xid = 700; xid < 704; ++xid) {
    deletes(log_, xid, xid);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  archive_.overwrite(archive_.wal().layout().wal_index(log_.file(2)), "no index");
  archive_.overwrite(archive_.wal().layout().wal_file(log_.file(2)), "no segment");
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(700, 702, 703));
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_THAT(report.unknown[0].what, HasSubstr(log_.file(2)));
}

// As a record that was hit in the last page before pg_switch_wal(): nothing follows there.
TEST_F(FindTest, WhatEndsAsALogDoesIsDamageWhereTheLogGoesOn) {
  deletes(log_, 700, 10);
  const pg::Lsn lost = log_.end();
  deletes(log_, 701, 20);
  log_.switch_segment();
  const uint64_t hit = lost.value / ScratchTimeline::kSegmentBytes;
  const auto damage = [&](ScratchTimeline& log) {
    std::ranges::fill_n(
        &log.byte_at(lost),
        ScratchTimeline::kSegmentBytes - lost.value % ScratchTimeline::kSegmentBytes, std::byte{0});
  };
  ScratchTimeline damaged = log_;
  damage(damaged);
  archive_.put_segment(damaged, hit);
  EXPECT_THAT(xids(find()), ElementsAre(700));
  EXPECT_THAT(find().unknown, IsEmpty()) << "the log ends there";
  deletes(log_, 702, 30);
  archive_.put_all(log_);
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(700, 702));
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_THAT(report.unknown[0].what, HasSubstr(log_.file(hit)));
}

TEST_F(FindTest, EachTimelineHasItsOwn) {
  deletes(log_, 700, 10);
  ScratchTimeline second = log_.fork(2);
  deletes(log_, 701, 20, 5);
  deletes(second, 701, 25, 7);
  archive_.put_all(log_);
  archive_.put_history(second);
  archive_.put_all(second);
  const FindReport newest = find();
  EXPECT_EQ(newest.timeline.value, 2u);
  EXPECT_THAT(xids(newest), ElementsAre(701, 700));
  EXPECT_EQ(newest.found[0].tables[0].rows.deleted, 7);
  options_.timeline = pg::TimelineId{1};
  EXPECT_EQ(find().found[0].tables[0].rows.deleted, 5);
  options_.timeline = pg::TimelineId{9};
  EXPECT_EQ(run_find(options_, archive_.objects(), silent_progress(), {}).error().kind,
            ErrorKind::kInvalid);
}

TEST_F(FindTest, AGapRightBehindAForkIsSaid) {
  deletes(log_, 700, 10);
  ScratchTimeline second = log_.fork(2);
  const pg::Lsn left_at = second.end();
  deletes(second, 701, 20);
  second.switch_segment();
  deletes(second, 702, 30);
  archive_.put_all(log_);
  archive_.put_history(second);
  archive_.put_all(second);
  archive_.lose(second.file(1));
  const FindReport report = find();
  EXPECT_THAT(xids(report), UnorderedElementsAre(700, 702));
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_EQ(report.unknown[0].what, "segment " + second.file(1) + " is not in the archive");
  EXPECT_EQ(report.unknown[0].from, left_at);
  EXPECT_EQ(report.unknown[0].to.value, 2u * ScratchTimeline::kSegmentBytes);
}

TEST_F(FindTest, WhatLedToATimelineAndIsLostIsSaid) {
  deletes(log_, 700, 10);
  log_.switch_segment();
  deletes(log_, 701, 20);
  ScratchTimeline second = log_.fork(2);
  archive_.put_all(log_);
  archive_.put_history(second);
  options_.timeline = pg::TimelineId{2};
  EXPECT_THAT(find().unknown, IsEmpty());
  archive_.lose(log_.file(2));
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(700));
  ASSERT_THAT(report.unknown, SizeIs(1));
  EXPECT_EQ(report.unknown[0].what, "segment " + second.file(2) + " is not in the archive");
  EXPECT_EQ(report.unknown[0].to, second.begin());
}

TEST_F(FindTest, NamesComeFromBackupsAndFromTheServer) {
  const auto backup = archive_.backup(log_, 1, 2);
  deletes(log_, 700, 10, 2, kPayments);
  deletes(log_, 701, 20, 1, kLedger);
  archive_.put_all(log_);
  const auto names = [](pg::Oid file, std::string name) {
    catalog::NamedSchema schema{2200, "public", {{file, std::move(name), 1663, file, 'r', 10}}};
    return catalog::Names{{{5, "shop", 1663, {schema}}}, {}};
  };
  ASSERT_TRUE(catalog::put_names(archive_.objects(), archive_.wal().layout().names(backup.id),
                                 names(16384, "payments"))
                  .ok());
  options_.live_names = names(16390, "ledger");
  options_.live_names->server = wal::TestLog::kSystem;
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(700, 701));
  EXPECT_EQ(report.found[0].tables[0].name->name, "payments");
  EXPECT_EQ(report.found[1].tables[0].name->name, "ledger");
  options_.table = "shop.public.ledger";
  EXPECT_THAT(xids(find()), ElementsAre(701));
  EXPECT_TRUE(find().table_is_known);
  options_.table = "ledgers";
  EXPECT_FALSE(find().table_is_known);
  EXPECT_EQ(find().nearest_table->name, "ledger");
  options_.table = "\"Ledger\"";
  EXPECT_EQ(find().nearest_table->name, "ledger");
  options_.table = "nothing_like_it";
  EXPECT_EQ(find().nearest_table, std::nullopt);
  EXPECT_THAT(find().found, IsEmpty());
  EXPECT_FALSE(find().live_is_another);
  options_.table = "";
  options_.live_names->server = pg::SystemIdentifier{1};
  EXPECT_EQ(find().found[1].tables[0].name, std::nullopt) << "another cluster's";
  EXPECT_TRUE(find().live_is_another);
}

TEST_F(FindTest, NamesFromBehindAForkAreNotThisTimelines) {
  deletes(log_, 700, 10, 2, kPayments);
  ScratchTimeline second = log_.fork(2);
  deletes(log_, 701, 20, 1, kLedger);
  deletes(second, 701, 20, 1, kLedger);
  const auto put_names = [&](ScratchTimeline& log, double second_s, pg::Oid file,
                             std::string name) {
    const auto backup = archive_.backup(log, second_s, second_s + 1);
    catalog::NamedSchema schema{2200, "public", {{file, std::move(name), 1663, file, 'r', 10}}};
    ASSERT_TRUE(catalog::put_names(archive_.objects(), archive_.wal().layout().names(backup.id),
                                   {{{5, "shop", 1663, {schema}}}, {}})
                    .ok());
  };
  put_names(second, 30, 16384, "payments");
  put_names(log_, 31, 16390, "of_the_first");
  archive_.put_all(log_);
  archive_.put_history(second);
  archive_.put_all(second);
  const FindReport report = find();
  ASSERT_THAT(xids(report), ElementsAre(700, 701));
  EXPECT_EQ(report.found[0].tables[0].name->name, "payments");
  EXPECT_EQ(report.found[1].tables[0].name, std::nullopt);
  options_.timeline = pg::TimelineId{1};
  EXPECT_EQ(find().found[1].tables[0].name->name, "of_the_first");
}

}  // namespace
}  // namespace walkback::find
