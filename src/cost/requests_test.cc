#include "cost/requests.h"

#include <gtest/gtest.h>

namespace walkback::cost {
namespace {

constexpr double kMiB = 1 << 20;

Shape small() {
  Shape shape;
  shape.part_bytes = 8 << 20;
  shape.pack_bytes = 2 * kMiB;
  shape.packs_per_backup = 2;
  return shape;
}

TEST(CostRequests, APackOfSeveralPartsIsBegunAndCompleted) {
  Shape shape = small();
  const double whole = one_backup(shape).put;
  EXPECT_DOUBLE_EQ(one_backup(shape).pack_put, 2);
  shape.pack_bytes = 32 * kMiB;
  EXPECT_DOUBLE_EQ(one_backup(shape).pack_put, 2 * (4 + 2));
  EXPECT_DOUBLE_EQ(one_backup(shape).put - whole, 2 * (4 + 2) - 2);
}

TEST(CostRequests, EachThousandNamesAreARequest) {
  Shape shape = small();
  const double one = one_verify(shape).list;
  shape.wal = 1000;
  EXPECT_DOUBLE_EQ(one_verify(shape).list, one);
  shape.wal = 1001;
  EXPECT_DOUBLE_EQ(one_verify(shape).list, one + 2) << "it lists WAL twice";
}

// Fourteen days of a segment a minute: 40 pages.
TEST(CostRequests, ALookPagesThroughAllWalOnlyOnceAnHour) {
  Shape shape = small();
  const double little = one_look(shape).list;
  shape.wal = 40'320;
  EXPECT_NEAR(one_look(shape).list - little, 40.0 / 60, 0.01);
}

TEST(CostRequests, AddUp) {
  Requests sum = segment_push();
  sum += segment_push().times(3);
  EXPECT_DOUBLE_EQ(sum.all(), 4 * segment_push().all());
}

}  // namespace
}  // namespace walkback::cost
