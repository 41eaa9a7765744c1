#include "drill/random_target.h"

#include <gtest/gtest.h>

#include <map>

namespace walkback::drill {
namespace {

using namespace std::chrono_literals;

catalog::RecoveryWindow window(uint32_t timeline, int64_t from_s, int64_t to_s) {
  catalog::RecoveryWindow window;
  window.timeline = {timeline};
  window.from = Timestamp{from_s * 1'000'000};
  window.to = Timestamp{to_s * 1'000'000};
  return window;
}

TEST(RandomTarget, TheSameSeedChoosesTheSameMoment) {
  const std::vector windows{window(1, 100, 200), window(2, 500, 900)};
  for (const uint64_t seed : {0u, 1u, 42u}) {
    EXPECT_EQ(choose_target(windows, seed)->time, choose_target(windows, seed)->time);
  }
  EXPECT_NE(choose_target(windows, 1)->time, choose_target(windows, 2)->time);
}

TEST(RandomTarget, EveryMomentIsAsLikely) {
  const std::vector windows{window(1, 100, 200), window(2, 300, 300), window(3, 500, 900)};
  std::map<uint32_t, int> chosen;
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    const std::optional<RandomTarget> target = choose_target(windows, seed);
    ASSERT_TRUE(target);
    EXPECT_LE(target->window.from, target->time);
    EXPECT_LT(target->time, target->window.to);
    ++chosen[target->window.timeline.value];
  }
  EXPECT_NEAR(chosen[1], 400, 80);
  EXPECT_EQ(chosen[2], 0) << "a window of no length";
  EXPECT_NEAR(chosen[3], 1600, 80);
}

TEST(RandomTarget, WhereNothingCanBeRecoveredNothingIsChosen) {
  EXPECT_FALSE(choose_target({}, 1));
  EXPECT_FALSE(choose_target({window(1, 100, 100)}, 1));
}

}  // namespace
}  // namespace walkback::drill
