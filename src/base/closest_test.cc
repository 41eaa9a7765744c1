#include "base/closest.h"

#include <gtest/gtest.h>

#include <vector>

namespace walkback {
namespace {

TEST(Closest, NamesTheNearestWordAndNothingWhenAllAreFar) {
  std::vector<std::string> known{"recover", "backup", "list"};
  EXPECT_EQ(closest("recoverr", known), "recover");
  EXPECT_EQ(closest("bakcup", known), "backup");
  EXPECT_EQ(closest("zzzzzz", known), std::nullopt);
  EXPECT_EQ(closest("rec", known), "recover");
  EXPECT_EQ(closest("--before", std::vector<std::string>{"--verbose", "--before-xid"}),
            "--before-xid");
  EXPECT_EQ(closest("--from", std::vector<std::string>{"--json", "--to"}), std::nullopt);
  EXPECT_EQ(closest(std::string(10'000, 'b'), known), std::nullopt);
}

}  // namespace
}  // namespace walkback
