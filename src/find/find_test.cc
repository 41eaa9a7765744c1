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
    deletes(log_, static_cast<pg::Xid>(700 + number), static_cast<double>(number) * kHour);
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
  const FindReport report = find();
  EXPECT_THAT(xids(report), ElementsAre(700, 701));
  EXPECT_EQ(report.found[0].tables[0].name->name, "payments");
  EXPECT_EQ(report.found[1].tables[0].name->name, "ledger");
  options_.table = "shop.public.ledger";
  EXPECT_THAT(xids(find()), ElementsAre(701));
  EXPECT_TRUE(find().table_is_known);
  options_.table = "ledgers";
  EXPECT_FALSE(find().table_is_known);
  EXPECT_THAT(find().found, IsEmpty());
}

}  // namespace
}  // namespace walkback::find
