#include "catalog/wal_summaries.h"

#include <gmock/gmock.h>

#include "catalog/testing/scratch_archive.h"
#include "store/testing/faulty_store.h"

namespace walkback::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class WalSummaries : public testing::Test {
 protected:
  static constexpr uint64_t kSegments = 20;

  WalSummaries() {
    for (uint64_t number = 1; number <= kSegments; ++number) {
      log_.commit(static_cast<pg::Xid>(700 + number), static_cast<double>(number));
      log_.switch_segment();
    }
    archive_.put_all(log_);
  }
  std::vector<KnownSegment> read(uint64_t first, uint64_t last, size_t at_once = 4) {
    SegmentLists lists(archive_.wal());
    const WalChain chain = WalChain::load(lists, {1}).value();
    std::vector<KnownSegment> all;
    const Result<void> done = read_summaries(archive_.wal(), chain, first, last, {at_once}, {},
                                             [&](const KnownSegment& known) {
                                               all.push_back(known);
                                               return all.size() < stop_after_;
                                             });
    EXPECT_TRUE(done.ok());
    return all;
  }
  store::ObjectKey index(uint64_t number) {
    return archive_.wal().layout().wal_index(log_.file(number));
  }
  store::ObjectKey segment(uint64_t number) {
    return archive_.wal().layout().wal_file(log_.file(number));
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
  size_t stop_after_ = SIZE_MAX;
};

TEST_F(WalSummaries, ComeInOrderHoweverManyAtOnce) {
  for (const size_t at_once : {1, 3, 20, 64}) {
    const auto all = read(2, kSegments, at_once);
    ASSERT_THAT(all, SizeIs(kSegments - 1)) << at_once;
    for (uint64_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].name.number, i + 2);
      ASSERT_TRUE(all[i].summary);
      EXPECT_EQ(all[i].summary->plain_ends.front().xid, 702 + i);
      EXPECT_FALSE(all[i].from_segment);
    }
  }
}

TEST_F(WalSummaries, EndWhereTheVisitorSays) {
  stop_after_ = 6;
  EXPECT_THAT(read(1, kSegments), SizeIs(6));
}

TEST_F(WalSummaries, ASegmentMakesUpForItsIndex) {
  const auto before = read(1, kSegments);
  ASSERT_TRUE(archive_.objects().remove(index(3)).ok());
  archive_.overwrite(index(4), "no index");
  const auto after = read(1, kSegments);
  for (uint64_t i = 0; i < kSegments; ++i) {
    EXPECT_EQ(after[i].summary, before[i].summary) << i;
    EXPECT_EQ(after[i].from_segment, i == 2 || i == 3) << i;
  }
}

TEST_F(WalSummaries, AnotherSegmentUnderItsNameIsNotRead) {
  ASSERT_TRUE(archive_.objects().remove(index(5)).ok());
  const auto other = archive_.objects().get(segment(6)).value();
  archive_.overwrite(segment(5), std::string(as_text(*other)));
  const auto after = read(1, kSegments);
  EXPECT_FALSE(after[4].summary);
  EXPECT_THAT(after[4].unknown, HasSubstr(log_.file(5)));
  EXPECT_THAT(archive_.wal().remake_index({{1}, 5}).error().message, HasSubstr(log_.file(5)));
  EXPECT_TRUE(after[5].summary);
}

TEST_F(WalSummaries, WhatCannotBeKnownSaysWhy) {
  ASSERT_TRUE(archive_.objects().remove(index(3)).ok());
  archive_.overwrite(segment(3), "no segment");
  archive_.overwrite(index(4), "no index");
  archive_.overwrite(segment(4), "no segment");
  const auto all = read(1, kSegments);
  EXPECT_FALSE(all[2].summary);
  EXPECT_THAT(all[2].unknown, HasSubstr("no index"));
  EXPECT_FALSE(all[3].summary);
  EXPECT_THAT(all[3].unknown, HasSubstr("damaged"));
  EXPECT_TRUE(all[4].summary);
}

TEST_F(WalSummaries, ARepositoryThatDoesNotAnswerIsAnError) {
  SegmentLists lists(archive_.wal());
  const WalChain chain = WalChain::load(lists, {1}).value();
  const auto gone = store::make_faulty_store(archive_.objects(), {.seed = 1, .percent = 100});
  const WalArchive unreachable(*gone, "main", archive_.wal().lineage());
  const Result<void> done = read_summaries(unreachable, chain, 1, kSegments, {4}, {},
                                           [](const KnownSegment&) { return true; });
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().kind, ErrorKind::kTransient);
}

TEST_F(WalSummaries, NoSegmentIsReadForTheRowsOfARecordWhoseBlocksAreKnown) {
  ScratchArchive archive;
  ScratchTimeline log(1);
  while (log.segment_of_end() < 3) log.insert_row(700, {1663, 5, 16384}, 77, 3000);
  for (const uint64_t number : {1, 2}) archive.put_segment_late(log, number);
  SegmentLists lists(archive.wal());
  const WalChain chain = WalChain::load(lists, {1}).value();
  const auto reads = [&](AllOf wanted) {
    std::vector<bool> from_segment;
    for (uint64_t number = 1; number <= 2; ++number) {
      const KnownSegment known = read_summary(archive.wal(), chain, number, wanted).value();
      EXPECT_TRUE(known.summary->says_all_blocks());
      from_segment.push_back(known.from_segment);
    }
    return from_segment;
  };
  EXPECT_THAT(reads(AllOf::kRecords), ElementsAre(false, true));
  EXPECT_THAT(reads(AllOf::kBlocks), ElementsAre(false, false));
}

// Where the child left in the middle of a segment and has no file of its own, the parent's counts
// up to there.
TEST_F(WalSummaries, OfAParentsSegmentOnlyWhatCountsIsGiven) {
  ScratchTimeline parent(1);
  parent.commit(700, 1);
  const ScratchTimeline child = parent.fork(2);
  parent.commit(701, 2);
  ScratchArchive archive;
  archive.put_all(parent);
  archive.put_history(child);
  SegmentLists lists(archive.wal());
  const WalChain chain = WalChain::load(lists, {2}).value();
  std::vector<KnownSegment> all;
  ASSERT_TRUE(read_summaries(archive.wal(), chain, 1, 1, {4}, {}, [&](const KnownSegment& known) {
                all.push_back(known);
                return true;
              }).ok());
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].end, child.begin());
  ASSERT_THAT(all[0].summary->plain_ends, SizeIs(1));
  EXPECT_EQ(all[0].summary->plain_ends[0].xid, 700u);
}

}  // namespace
}  // namespace walkback::catalog
