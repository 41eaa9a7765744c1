#include "find/histogram.h"

#include <gmock/gmock.h>

namespace walkback::find {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kBegin = 1'700'000'000 * kSecond;

uint64_t sum(const std::vector<Histogram::Column>& columns) {
  uint64_t sum = 0;
  for (const auto& column : columns) sum += column.rows.taken;
  return sum;
}

TEST(Histogram, OfNothingHasNoColumns) { EXPECT_THAT(Histogram().columns(60), IsEmpty()); }

TEST(Histogram, OfOneMomentHasOneColumn) {
  Histogram histogram;
  histogram.add({kBegin}, {.taken = 7, .added = 1});
  histogram.add({kBegin}, {.taken = 3});
  const auto columns = histogram.columns(60);
  ASSERT_THAT(columns, SizeIs(1));
  EXPECT_EQ(columns[0].rows, (Histogram::Rows{.taken = 10, .added = 1}));
}

// Whatever the order and the length of time, no row is lost and each is in its column.
TEST(Histogram, EveryRowIsInItsColumn) {
  for (const int64_t step : {int64_t{1}, int64_t{997}, 60 * kSecond, 86'400 * kSecond}) {
    for (const bool backwards : {false, true}) {
      Histogram histogram;
      constexpr int64_t kAdded = 5000;
      for (int64_t i = 0; i < kAdded; ++i) {
        histogram.add({kBegin + (backwards ? kAdded - 1 - i : i) * step}, {.taken = 1});
      }
      const auto columns = histogram.columns(50);
      EXPECT_LE(columns.size(), 50u);
      EXPECT_EQ(sum(columns), static_cast<uint64_t>(kAdded));
      EXPECT_LE(columns.front().begin.unix_us, kBegin);
      // All columns are equally wide, and so hold equally many, but for the edges.
      for (size_t i = 1; i + 2 < columns.size(); ++i) {
        EXPECT_NEAR(static_cast<double>(columns[i].rows.taken),
                    static_cast<double>(columns[1].rows.taken), 2)
            << step;
      }
    }
  }
}

TEST(Histogram, APeakIsWhereItWas) {
  Histogram histogram;
  for (int64_t i = 0; i < 1000; ++i) histogram.add({kBegin + i * kSecond}, {.taken = 5});
  histogram.add({kBegin + 700 * kSecond}, {.taken = 200'000});
  const auto columns = histogram.columns(60);
  const auto peak = std::ranges::max_element(
      columns, {}, [](const Histogram::Column& column) { return column.rows.taken; });
  EXPECT_LE(peak->begin.unix_us, kBegin + 700 * kSecond);
  EXPECT_GT((peak + 1)->begin.unix_us, kBegin + 700 * kSecond);
}

}  // namespace
}  // namespace walkback::find
