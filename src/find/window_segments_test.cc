#include "find/window_segments.h"

#include <gmock/gmock.h>

#include "catalog/testing/scratch_archive.h"

namespace walkback::find {
namespace {

using catalog::at;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;

constexpr wal::RelationLocator kPayments{1663, 5, 16384};
constexpr double kHour = 3600;
constexpr uint64_t kSegments = 100;

// An archive in whose segment N a transaction ended at hour N, but for those that hold no end.
class WindowSegmentsTest : public testing::Test {
 protected:
  void put_segments(uint64_t first_without, uint64_t last_without) {
    for (uint64_t number = 1; number <= kSegments; ++number) {
      const auto xid = static_cast<pg::Xid>(700 + number);
      log_.running(xid, xid);
      log_.remove(xid, kPayments, 1);
      if (number < first_without || number > last_without) {
        log_.commit(xid, static_cast<double>(number) * kHour);
      }
      log_.switch_segment();
    }
    archive_.put_all(log_);
  }
  SegmentRange range(double since_h, double until_h) {
    catalog::SegmentLists lists(archive_.wal());
    const catalog::WalChain chain = catalog::WalChain::load(lists, log_.id()).value();
    return WindowSegments(archive_.wal(), chain)
        .range_in(chain.stretches().front(), at(since_h * kHour), at(until_h * kHour))
        .value();
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
};

// An hour around the window, the segment with the snapshot before that, and one more.
TEST_F(WindowSegmentsTest, AreThoseOfTheWindowAndItsMargin) {
  put_segments(0, 0);
  const SegmentRange range = this->range(50, 52);
  EXPECT_EQ(range.first, 47u);
  EXPECT_EQ(range.last, 53u);
  EXPECT_FALSE(range.begins_stretch);
  EXPECT_FALSE(range.ends_stretch());
}

TEST_F(WindowSegmentsTest, ATailWithoutEndsIsOfAnyWindowThatReachesNow) {
  put_segments(71, kSegments);
  const SegmentRange now = range(60, 1000);
  EXPECT_EQ(now.last, kSegments);
  EXPECT_TRUE(now.ends_stretch());
  EXPECT_EQ(range(10, 12).last, 13u);
}

TEST_F(WindowSegmentsTest, WithoutEndsTheyMayBeOnEitherSideOfABound) {
  put_segments(40, 60);
  EXPECT_EQ(range(30, 39.5).last, 60u);
  EXPECT_EQ(range(61.5, 70).first, 38u);
  EXPECT_EQ(range(30, 37.5).last, 38u);
  EXPECT_EQ(range(63, 70).first, 60u);
}

}  // namespace
}  // namespace walkback::find
