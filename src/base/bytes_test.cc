#include "base/bytes.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace walkback {
namespace {

TEST(ByteReader, ReadsForwardUntilTheEnd) {
  Bytes bytes = to_bytes(as_bytes(std::string_view("\x01\x02\x00\x00\x00xyz", 8)));
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read<uint8_t>(), 1);
  EXPECT_EQ(reader.read<uint32_t>(), 2u);
  EXPECT_EQ(as_text(reader.take(2)), "xy");
  EXPECT_EQ(reader.position(), 7u);
  EXPECT_EQ(reader.remaining(), 1u);
  reader.skip(1);
  EXPECT_FALSE(reader.failed());
}

TEST(ByteReader, OnceItFailedItStaysFailedAndGivesZeros) {
  Bytes bytes(3, std::byte{0xff});
  ByteReader reader(bytes);
  EXPECT_EQ(reader.read<uint32_t>(), 0u);
  EXPECT_TRUE(reader.failed());
  EXPECT_EQ(reader.read<uint8_t>(), 0);
  EXPECT_TRUE(reader.take(1).empty());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(ByteReader, ALengthNearTheLargestDoesNotWrapAround) {
  Bytes bytes(8);
  ByteReader reader(bytes);
  reader.skip(4);
  EXPECT_TRUE(reader.take(SIZE_MAX - 2).empty());
  EXPECT_TRUE(reader.failed());
}

TEST(Hex, HasTwoLowerCaseDigitsAByte) {
  EXPECT_EQ(to_hex(as_bytes(std::string_view("\x00\xfa\x10", 3))), "00fa10");
  EXPECT_EQ(to_hex({}), "");
}

TEST(SystemRandom, DoesNotRepeat) {
  EXPECT_EQ(system_random().hex(16).size(), 32u);
  EXPECT_NE(system_random().hex(16), system_random().hex(16));
  EXPECT_NE(system_random().next_u64(), system_random().next_u64());
}

}  // namespace
}  // namespace walkback
