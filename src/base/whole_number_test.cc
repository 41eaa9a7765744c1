#include "base/whole_number.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace walkback {
namespace {

TEST(WholeNumber, IsAllOfTheText) {
  EXPECT_EQ(whole_number<uint32_t>("0"), 0U);
  EXPECT_EQ(whole_number<uint32_t>("4294967295"), 4294967295U);
  EXPECT_EQ(whole_number<int64_t>("-5"), -5);
  EXPECT_EQ(whole_number<uint32_t>("0007"), 7U);
  for (const char* text : {"", " 1", "1 ", "+1", "1.0", "0x1", "one", "-", "1\n"}) {
    EXPECT_EQ(whole_number<uint32_t>(text), std::nullopt) << text;
  }
}

TEST(WholeNumber, BeyondItsTypeIsNone) {
  EXPECT_EQ(whole_number<uint32_t>("4294967296"), std::nullopt);
  EXPECT_EQ(whole_number<uint32_t>("-1"), std::nullopt);
  EXPECT_EQ(whole_number<uint16_t>("65536"), std::nullopt);
  EXPECT_EQ(whole_number<int8_t>("-129"), std::nullopt);
  EXPECT_EQ(whole_number<uint64_t>("99999999999999999999"), std::nullopt);
}

TEST(WholeNumber, InAnotherBase) {
  EXPECT_EQ(whole_number<uint32_t>("FEdc", 16), 0xFEDCU);
  EXPECT_EQ(whole_number<uint32_t>("0xFE", 16), std::nullopt);
  EXPECT_EQ(whole_number<uint32_t>("FE"), std::nullopt);
}

// What stands behind it in memory is not of it.
TEST(WholeNumber, EndsWhereTheTextEnds) {
  constexpr std::string_view kLonger = "12345";
  EXPECT_EQ(whole_number<int>(kLonger.substr(0, 2)), 12);
}

}  // namespace
}  // namespace walkback
