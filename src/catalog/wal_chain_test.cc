#include "catalog/wal_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/testing/scratch_archive.h"
#include "catalog/wal_stream.h"

namespace walkback::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class WalChainTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kSegment = ScratchTimeline::kSegmentBytes;

  WalChain chain(uint32_t timeline) {
    SegmentLists lists(archive_.wal());
    return WalChain::load(lists, {timeline}).value();
  }
  // Where the commits in [from, the chain's first hole) start.
  std::vector<pg::Lsn> commits(const WalChain& chain, pg::Lsn from) {
    std::vector<pg::Lsn> found;
    const WalEnd end = read_wal(archive_.wal(), chain, from, chain.end_of_stretch(from), {},
                                [&](const wal::Record& record) {
                                  if (record.rmgr == wal::kTransactionRmgr)
                                    found.push_back(record.start);
                                  return true;
                                })
                           .value();
    EXPECT_FALSE(end.problem.has_value()) << end.problem->message;
    EXPECT_EQ(indexed_commits(chain, from), found);
    return found;
  }

  // The same, from the indexes.
  std::vector<pg::Lsn> indexed_commits(const WalChain& chain, pg::Lsn from) {
    std::vector<pg::Lsn> found;
    EXPECT_TRUE(read_events(archive_.wal(), chain, from, chain.end_of_stretch(from), {},
                            [&](const wal::Record& record) {
                              if (record.rmgr == wal::kTransactionRmgr)
                                found.push_back(record.start);
                              return true;
                            })
                    .ok());
    return found;
  }

  ScratchArchive archive_;
  ScratchTimeline first_{1};
};

TEST_F(WalChainTest, BeforeTheChildHasAFileTheParentsCountsUpToTheSwitch) {
  const pg::Lsn shared = first_.commit(700, 10);
  const ScratchTimeline second = first_.fork(2);
  const pg::Lsn left = first_.end();
  first_.commit(701, 20);
  first_.insert(2 * kSegment);
  first_.commit(702, 30);
  archive_.put_all(first_);
  archive_.put_history(second);

  const WalChain chain = this->chain(2);
  EXPECT_EQ(chain.end_of_stretch({kSegment}), left);
  EXPECT_EQ(chain.next_present(left), std::nullopt);
  EXPECT_FALSE(chain.has_own_wal());
  EXPECT_THAT(commits(chain, {kSegment}), ElementsAre(shared));
}

TEST_F(WalChainTest, TheChildsOwnFileHoldsWhatItWrote) {
  const pg::Lsn shared = first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  first_.commit(701, 20);
  const pg::Lsn own = second.commit(701, 40);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_all(second);

  const WalChain chain = this->chain(2);
  EXPECT_TRUE(chain.has_own_wal());
  EXPECT_EQ(chain.segment(1)->timeline.value, 2u);
  EXPECT_THAT(commits(chain, {kSegment}), ElementsAre(shared, own));
  EXPECT_EQ(this->chain(1).segment(1)->timeline.value, 1u);
}

TEST_F(WalChainTest, AChildThatLacksTheFileOfTheSwitchHasAHoleFromThere) {
  first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  const pg::Lsn left = first_.end();
  first_.insert(2 * kSegment);
  second.insert(2 * kSegment);
  second.commit(702, 40);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_segment(second, 2);
  archive_.put_segment(second, 3);

  const WalChain chain = this->chain(2);
  EXPECT_EQ(chain.end_of_stretch({kSegment}), left);
  EXPECT_EQ(chain.next_present(left), pg::Lsn{2 * kSegment});
  ASSERT_EQ(chain.stretches().size(), 2u);
  EXPECT_EQ(chain.stretches()[0].end, left);
  EXPECT_EQ(chain.stretches()[1].begin, pg::Lsn{2 * kSegment});
  EXPECT_EQ(chain.file_name(left), second.file(1)) << "the parent's would not do";
}

TEST_F(WalChainTest, SeveralSwitchesInOneSegmentAndTheNewestFileServes) {
  const pg::Lsn a = first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  first_.commit(701, 11);
  const pg::Lsn b = second.commit(701, 20);
  ScratchTimeline third = second.fork(3);
  const pg::Lsn left_second = second.end();
  second.commit(702, 21);
  const pg::Lsn c = third.commit(702, 30);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_all(second);
  archive_.put_history(third);

  EXPECT_THAT(commits(chain(3), {kSegment}), ElementsAre(a, b)) << "2's file, up to 3";
  EXPECT_EQ(chain(3).end_of_stretch({kSegment}), left_second);
  archive_.lose(second.file(1));
  EXPECT_THAT(commits(chain(3), {kSegment}), ElementsAre(a)) << "1's file, up to 2";
  archive_.put_all(third);
  EXPECT_THAT(commits(chain(3), {kSegment}), ElementsAre(a, b, c)) << "3's own";
}

TEST_F(WalChainTest, ASwitchAtASegmentsEndTakesNothingFromTheParentsNext) {
  first_.commit(700, 10);
  first_.switch_segment();
  ScratchTimeline second = first_.fork(2);
  first_.commit(701, 20);
  archive_.put_all(first_);
  archive_.put_history(second);
  EXPECT_EQ(chain(2).end_of_stretch({kSegment}), pg::Lsn{2 * kSegment});
  const pg::Lsn own = second.commit(701, 30);
  archive_.put_all(second);
  EXPECT_THAT(commits(chain(2), {2 * kSegment}), ElementsAre(own));
}

// A primary that fails leaves its last segment to its successor under this name; PostgreSQL never
// asks for it.
TEST_F(WalChainTest, APartialSegmentIsNoFileOfTheChain) {
  first_.insert(kSegment);
  const pg::Lsn commit = first_.commit(700, 10);
  ScratchTimeline second = first_.fork(2);
  archive_.put_segment(first_, 1);
  archive_.put_segment(first_, 2, ".partial");
  archive_.put_history(second);
  for (uint32_t timeline : {1, 2}) {
    EXPECT_EQ(chain(timeline).end_of_stretch({kSegment}), pg::Lsn{2 * kSegment});
    EXPECT_THAT(commits(chain(timeline), {kSegment}), IsEmpty());
  }
  archive_.put_all(second);
  EXPECT_THAT(commits(chain(2), {kSegment}), ElementsAre(commit));
}

TEST_F(WalChainTest, StrayFilesOfAChildFromBeforeItBeganAreNotItsOwn) {
  first_.insert(kSegment);
  ScratchTimeline second = first_.fork(2);
  archive_.put_all(first_);
  archive_.put_history(second);
  archive_.put_segment(second, 1);
  EXPECT_FALSE(chain(2).has_own_wal());
  EXPECT_EQ(chain(2).segment(1)->timeline.value, 1u);
}

TEST(PartingOf, IsWhereTwoHistoriesAreNoLongerOne) {
  auto history = [](uint32_t timeline, std::string_view text) {
    return pg::TimelineHistory::parse({timeline}, text).value();
  };
  const pg::TimelineHistory first(pg::TimelineId{1});
  const auto second = history(2, "1\t0/500\t\n");
  const auto third = history(3, "1\t0/300\t\n");
  const auto fourth = history(4, "1\t0/500\t\n2\t0/700\t\n");
  EXPECT_EQ(parting_of(first, second), pg::Lsn{0x500});
  EXPECT_EQ(parting_of(second, first), pg::Lsn{0x500});
  EXPECT_EQ(parting_of(second, third), pg::Lsn{0x300}) << "siblings";
  EXPECT_EQ(parting_of(fourth, second), pg::Lsn{0x700});
  EXPECT_EQ(parting_of(fourth, third), pg::Lsn{0x300});
  EXPECT_EQ(parting_of(first, first), std::nullopt);
}

}  // namespace
}  // namespace walkback::catalog
