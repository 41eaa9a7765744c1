#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <random>

#include "codec/frame.h"

namespace walkback::codec {
namespace {

std::string hex(ByteView bytes) {
  std::string text;
  for (std::byte b : bytes) {
    text += "0123456789abcdef"[static_cast<int>(b) >> 4];
    text += "0123456789abcdef"[static_cast<int>(b) & 15];
  }
  return text;
}

// FIPS 180-4's examples.
TEST(Sha256, MatchesTheStandard) {
  EXPECT_EQ(hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, InPiecesIsTheSame) {
  Sha256Stream stream;
  stream.update(as_bytes("a"));
  stream.update({});
  stream.update(as_bytes("bc"));
  EXPECT_EQ(stream.finish(), sha256(as_bytes("abc")));
}

// The published values; part of the repository's format, so they must not change with CPU or
// library.
TEST(ContentHash, IsXxh3InLittleEndian) {
  EXPECT_EQ(hex(hash_content({}).bytes), "7f498d4624c30160d8984701d306aa99");
  EXPECT_EQ(hash_page(as_bytes("abc")), 0x78af5f94892f3950u);
}

TEST(ContentHash, TheFastPathsAgreeWithThePlainOne) {
  std::mt19937_64 random(7);
  for (size_t size : {1u, 16u, 17u, 128u, 129u, 240u, 241u, 1024u, 8192u, 100001u}) {
    Bytes bytes(size);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    XXH3_state_t* state = XXH3_createState();
    XXH3_64bits_reset(state);
    for (std::byte b : bytes) XXH3_64bits_update(state, &b, 1);
    EXPECT_EQ(hash_page(bytes), XXH3_64bits_digest(state)) << size;
    XXH3_128bits_reset(state);
    for (std::byte b : bytes) XXH3_128bits_update(state, &b, 1);
    const XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    ContentHash expected;
    std::memcpy(expected.bytes.data(), &hash.low64, 8);
    std::memcpy(expected.bytes.data() + 8, &hash.high64, 8);
    EXPECT_EQ(hash_content(bytes), expected) << size;
  }
}

}  // namespace
}  // namespace walkback::codec
