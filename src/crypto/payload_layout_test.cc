#include "crypto/payload_layout.h"

#include <gtest/gtest.h>

namespace walkback::crypto {
namespace {

constexpr uint64_t kStart = payload_start(1);

uint64_t plaintext_of(uint64_t file_size) {
  const Result<PayloadLayout> layout = PayloadLayout::of(file_size, kStart);
  EXPECT_TRUE(layout.ok()) << file_size;
  return layout.ok() ? layout->plaintext_size() : ~uint64_t{0};
}

TEST(PayloadLayout, SizesOfPlaintextAndFileAreEachOthersInverse) {
  for (const uint64_t size : {0UL, 1UL, 65'535UL, 65'536UL, 65'537UL, 131'071UL, 131'072UL,
                              131'073UL, 1'000'003UL, 1UL << 40, (1UL << 40) + 1}) {
    EXPECT_EQ(plaintext_of(encrypted_size(size, 1)), size);
  }
  EXPECT_EQ(encrypted_size(0, 1), 168U + 16 + 16);
  EXPECT_EQ(encrypted_size(65'536, 1), 168U + 16 + 65'536 + 16);
  EXPECT_EQ(encrypted_size(65'537, 3), 168U + 2 * 98 + 16 + 65'537 + 2 * 16);
}

TEST(PayloadLayout, ASizeThatNoFileHasIsRefused) {
  for (const uint64_t size :
       {uint64_t{0}, kStart - 1, kStart, kStart + 15, kStart + kSealedChunkBytes + 1,
        kStart + kSealedChunkBytes + 15, kStart + kSealedChunkBytes + 16,
        kStart + 2 * kSealedChunkBytes + 16}) {
    const Result<PayloadLayout> layout = PayloadLayout::of(size, kStart);
    ASSERT_FALSE(layout.ok()) << size;
    EXPECT_EQ(layout.error().kind, ErrorKind::kCorrupt);
  }
  EXPECT_EQ(plaintext_of(kStart + kSealedChunkBytes + 17), kChunkBytes + 1);
}

TEST(PayloadLayout, ARangeOfPlaintextLiesInWholeChunks) {
  const PayloadLayout layout = PayloadLayout::of(encrypted_size(200'000, 1), kStart).value();
  ASSERT_EQ(layout.chunk_count(), 4U);
  EXPECT_EQ(layout.chunk_size(3), 200'000U - 3 * 65'536);

  const ChunkRange middle = layout.chunks_of(65'536, 65'536).value();
  EXPECT_EQ(middle.first, 1U);
  EXPECT_EQ(middle.count, 1U);
  EXPECT_EQ(middle.file_offset, kStart + kSealedChunkBytes);
  EXPECT_EQ(middle.file_size, kSealedChunkBytes);

  const ChunkRange across = layout.chunks_of(65'535, 2).value();
  EXPECT_EQ(across.first, 0U);
  EXPECT_EQ(across.count, 2U);

  const ChunkRange all = layout.chunks_of(0, 200'000).value();
  EXPECT_EQ(all.count, 4U);
  EXPECT_EQ(all.file_offset + all.file_size, encrypted_size(200'000, 1));

  const ChunkRange last = layout.last_chunk();
  EXPECT_EQ(last.first, 3U);
  EXPECT_EQ(last.file_offset + last.file_size, encrypted_size(200'000, 1));
  EXPECT_EQ(last.file_size, layout.chunk_size(3) + kTagBytes);
}

TEST(PayloadLayout, NothingNeedsNoChunksAndTheEndIsTheEnd) {
  const PayloadLayout layout = PayloadLayout::of(encrypted_size(100, 1), kStart).value();
  EXPECT_EQ(layout.chunks_of(100, 0).value().file_size, 0U);
  EXPECT_TRUE(layout.chunks_of(99, 1).ok());
  for (const auto& [offset, size] :
       {std::pair{101UL, 0UL}, std::pair{100UL, 1UL}, std::pair{1UL, ~0UL}, std::pair{~0UL, 1UL}}) {
    const Result<ChunkRange> range = layout.chunks_of(offset, size);
    ASSERT_FALSE(range.ok());
    EXPECT_EQ(range.error().kind, ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace walkback::crypto
