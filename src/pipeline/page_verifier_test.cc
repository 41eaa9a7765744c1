#include "pipeline/page_verifier.h"

#include <gmock/gmock.h>

#include "pipeline/testing/copy_fixture.h"

namespace walkback::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kPage = pg::kPageBytes;

class PageVerifierTest : public CopyTest {
 protected:
  // `buffer` is what was read of the file first; the file may have changed since.
  PageVerdicts verify(uint32_t first_block = 0) {
    auto file = disk.open_read("/data/f").value();
    return verify_pages(*file, {0, first_block, buffer}, kStartLsn, clock).value();
  }
  void file_and_buffer(const Bytes& pages) {
    write("/data/f", pages);
    buffer = pages;
  }
  MutableBytes page(uint32_t index) { return MutableBytes(buffer).subspan(index * kPage, kPage); }
  Bytes buffer;
};

TEST_F(PageVerifierTest, WholePagesPassAndNothingIsReadAgain) {
  file_and_buffer(pages(5));
  const PageVerdicts verdicts = verify();
  EXPECT_THAT(verdicts.bad, IsEmpty());
  EXPECT_EQ(verdicts.bytes_read_again, 0u);
  EXPECT_EQ(clock.monotonic(), std::chrono::nanoseconds(0));
}

TEST_F(PageVerifierTest, PagesThatWereNeverWrittenPass) {
  file_and_buffer(Bytes(3 * kPage));
  EXPECT_THAT(verify().bad, IsEmpty());
}

TEST_F(PageVerifierTest, APageInTheWrongPlaceIsBad) {
  file_and_buffer(pages(3, 7));
  EXPECT_THAT(verify(7).bad, IsEmpty());
  EXPECT_THAT(verify(8).bad, ElementsAre(0, 1, 2));
}

TEST_F(PageVerifierTest, WhatIsWholeWhenReadAgainReplacesWhatWasTorn) {
  file_and_buffer(pages(3));
  const Bytes whole = buffer;
  std::fill_n(page(1).begin() + 4096, 4096, std::byte{1});
  const PageVerdicts verdicts = verify();
  EXPECT_THAT(verdicts.bad, IsEmpty());
  EXPECT_EQ(verdicts.bytes_read_again, kPage);
  EXPECT_EQ(buffer, whole);
}

TEST_F(PageVerifierTest, DamageIsBadHoweverOftenItIsRead) {
  Bytes damaged = pages(3);
  damaged[kPage + 100] ^= std::byte{1};
  file_and_buffer(damaged);
  EXPECT_THAT(verify().bad, ElementsAre(1));
  EXPECT_EQ(clock.monotonic(), std::chrono::milliseconds(62));  // for a writer to finish
}

TEST_F(PageVerifierTest, DamageThatReplayMayMendIsDoubtful) {
  Bytes damaged = pages(3, 0, kStartLsn + 1);
  damaged[kPage + 100] ^= std::byte{1};
  file_and_buffer(damaged);
  const PageVerdicts verdicts = verify();
  EXPECT_THAT(verdicts.bad, IsEmpty());
  ASSERT_EQ(verdicts.doubtful.size(), 1u);
  EXPECT_EQ(verdicts.doubtful[0].index, 1u);
  EXPECT_EQ(verdicts.doubtful[0].lsn, kStartLsn + 1);
}

// The record that changed it ended where replay begins.
TEST_F(PageVerifierTest, DamageOfAPageFromTheVeryStartIsBad) {
  Bytes damaged = pages(3, 0, kStartLsn);
  damaged[kPage + 100] ^= std::byte{1};
  file_and_buffer(damaged);
  EXPECT_THAT(verify().bad, ElementsAre(1));
  EXPECT_EQ(clock.monotonic(), std::chrono::milliseconds(62));  // for a writer to finish
}

// Garbage has a garbage LSN: taken for a page of the future, it would pass every backup.
TEST_F(PageVerifierTest, GarbageIsBadThoughItsLsnLooksNew) {
  Bytes garbage = random.bytes(kPage);
  std::fill_n(garbage.begin(), 8, std::byte{0xfe});
  file_and_buffer(garbage);
  EXPECT_THAT(verify().bad, ElementsAre(0));
}

TEST_F(PageVerifierTest, APageTruncatedAwayMeanwhileIsNotBad) {
  file_and_buffer(pages(3));
  page(2)[500] ^= std::byte{1};
  disk.open_write("/data/f").value()->truncate(2 * kPage).value();
  EXPECT_THAT(verify().bad, IsEmpty());
}

}  // namespace
}  // namespace walkback::pipeline
