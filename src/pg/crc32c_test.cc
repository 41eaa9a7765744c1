#include "pg/crc32c.h"

#include <gtest/gtest.h>

#include <random>

namespace walkback::pg {
namespace {

Bytes random_bytes(size_t size) {
  std::mt19937_64 generator(size);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator());
  return bytes;
}

// RFC 3720, appendix B.4.
TEST(Crc32c, GivesThePublishedValues) {
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0})), 0x8A9136AAu);
  EXPECT_EQ(crc32c(Bytes(32, std::byte{0xFF})), 0x62A8AB43u);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

TEST(Crc32c, TheFastAndThePortableOneAgreeAtEveryLengthAndAlignment) {
  const Bytes bytes = random_bytes(4000);
  for (size_t start : {0u, 1u, 3u, 7u}) {
    for (size_t size = 0; start + size <= bytes.size(); size += (size < 1600 ? 1 : 97)) {
      const ByteView view = ByteView(bytes).subspan(start, size);
      ASSERT_EQ(crc32c(view), crc32c_portable(view)) << start << " " << size;
    }
  }
}

TEST(Crc32c, PiecesGiveTheSameAsTheWhole) {
  const Bytes bytes = random_bytes(3000);
  for (size_t cut = 0; cut <= bytes.size(); cut += 13) {
    const ByteView view = bytes;
    EXPECT_EQ(crc32c(view.subspan(cut), crc32c(view.first(cut))), crc32c(view));
  }
}

TEST(Crc32c, NoticesEverySingleBit) {
  Bytes bytes = random_bytes(900);
  const uint32_t right = crc32c(bytes);
  for (std::byte& byte : bytes) {
    byte ^= std::byte{0x10};
    EXPECT_NE(crc32c(bytes), right);
    byte ^= std::byte{0x10};
  }
}

}  // namespace
}  // namespace walkback::pg
