#include "config/closest.h"

#include <gtest/gtest.h>

#include <vector>

namespace walkback::config {
namespace {

TEST(Closest, CountsTheStepsBetweenTwoWords) {
  EXPECT_EQ(edit_distance("", "url"), 3u);
  EXPECT_EQ(edit_distance("url", "url"), 0u);
  EXPECT_EQ(edit_distance("url", "uri"), 1u);
  EXPECT_EQ(edit_distance("url", "curl"), 1u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Closest, SwappedNeighboursAreOneMistake) { EXPECT_EQ(edit_distance("ulr", "url"), 1u); }

TEST(Closest, NamesTheNearestWordAndNothingWhenAllAreFar) {
  std::vector<std::string> known{"recover", "backup", "list"};
  EXPECT_EQ(closest("recoverr", known), "recover");
  EXPECT_EQ(closest("bakcup", known), "backup");
  EXPECT_EQ(closest("zzzzzz", known), std::nullopt);
  EXPECT_EQ(closest(std::string(10'000, 'b'), known), std::nullopt);
}

}  // namespace
}  // namespace walkback::config
