#include "base/edit_distance.h"

#include <gtest/gtest.h>

namespace walkback {
namespace {

TEST(EditDistance, CountsTheStepsBetweenTwoWords) {
  EXPECT_EQ(edit_distance("", "url"), 3u);
  EXPECT_EQ(edit_distance("url", "url"), 0u);
  EXPECT_EQ(edit_distance("url", "uri"), 1u);
  EXPECT_EQ(edit_distance("url", "curl"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(EditDistance, SwappedNeighboursAreOneMistake) { EXPECT_EQ(edit_distance("ulr", "url"), 1u); }

}  // namespace
}  // namespace walkback
