#include "wal/pglz.h"

#include <gtest/gtest.h>

namespace walkback::wal {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}
std::string text(const std::optional<Bytes>& content) {
  return content ? std::string(as_text(*content)) : "nothing";
}

TEST(Pglz, LiteralsAndRepetitions) {
  EXPECT_EQ(text(pglz_decompress(bytes({0, 'a', 'b', 'c'}), 3)), "abc");
  // "ab", then 3 + 3 bytes from two back: longer than what it repeats.
  EXPECT_EQ(text(pglz_decompress(bytes({4, 'a', 'b', 3, 2}), 8)), "abababab");
  // The longest short length has another byte.
  EXPECT_EQ(text(pglz_decompress(bytes({2, 'x', 15, 1, 10}), 29)), std::string(29, 'x'));
  EXPECT_EQ(text(pglz_decompress({}, 0)), "");
}

TEST(Pglz, WhatIsNotWholeIsNothing) {
  EXPECT_EQ(pglz_decompress(bytes({0, 'a', 'b'}), 3), std::nullopt) << "too little";
  EXPECT_EQ(pglz_decompress(bytes({0, 'a', 'b', 'c'}), 2), std::nullopt) << "too much";
  EXPECT_EQ(pglz_decompress(bytes({1, 0, 1}), 3), std::nullopt) << "from before the beginning";
  EXPECT_EQ(pglz_decompress(bytes({2, 'a', 0, 0}), 4), std::nullopt) << "from nowhere";
  EXPECT_EQ(pglz_decompress(bytes({2, 'a', 0}), 4), std::nullopt) << "cut";
}

TEST(Pglz, NoInputIsReadBeyondItsEnd) {
  uint32_t state = 1;
  for (int round = 0; round < 20'000; ++round) {
    Bytes input;
    for (uint32_t size = round % 40; size > 0; --size) {
      state = state * 1'664'525 + 1'013'904'223;
      input.push_back(static_cast<std::byte>(state >> 24));
    }
    const std::optional<Bytes> content = pglz_decompress(input, 100);
    if (content) {
      EXPECT_EQ(content->size(), 100u);
    }
  }
}

}  // namespace
}  // namespace walkback::wal
