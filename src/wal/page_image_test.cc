#include "wal/page_image.h"

#include <gtest/gtest.h>
#include <lz4.h>
#include <zstd.h>

#include "pg/page.h"

namespace walkback::wal {
namespace {

constexpr size_t kHole = 3000;
constexpr size_t kContent = pg::kPageBytes - kHole;

Bytes page() {
  Bytes content(kContent);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * i >> 7);
  return content;
}

// As XLogCompressBackupBlock() makes it.
Bytes compressed(ImageCompression compression, const Bytes& content) {
  Bytes out(ZSTD_compressBound(content.size()) + 1000);
  if (compression == ImageCompression::kZstd) {
    out.resize(ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 3));
  } else {
    out.resize(static_cast<size_t>(LZ4_compress_default(
        reinterpret_cast<const char*>(content.data()), reinterpret_cast<char*>(out.data()),
        static_cast<int>(content.size()), static_cast<int>(out.size()))));
  }
  return out;
}

BlockImage image_of(ImageCompression compression, ByteView bytes) {
  BlockImage image;
  image.compression = compression;
  image.hole_offset = 100;
  image.hole_bytes = kHole;
  image.bytes = bytes;
  return image;
}

class PageImage : public testing::TestWithParam<ImageCompression> {};

TEST_P(PageImage, IsThePage) {
  const Bytes bytes = compressed(GetParam(), page());
  EXPECT_EQ(decompress_image(image_of(GetParam(), bytes)), page());
}

TEST_P(PageImage, OfAnotherSizeIsNone) {
  for (const size_t size : {kContent - 1, kContent + 1}) {
    Bytes content = page();
    content.resize(size);
    const Bytes bytes = compressed(GetParam(), content);
    EXPECT_EQ(decompress_image(image_of(GetParam(), bytes)), std::nullopt) << size;
  }
}

TEST_P(PageImage, CutIsNone) {
  const Bytes bytes = compressed(GetParam(), page());
  for (size_t size = 0; size < bytes.size(); size += 7) {
    const Bytes cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(decompress_image(image_of(GetParam(), cut)), std::nullopt) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, PageImage,
                         testing::Values(ImageCompression::kLz4, ImageCompression::kZstd));

TEST(PageImageTest, OneThatIsNotCompressedIsNoneOfThese) {
  const Bytes content = page();
  EXPECT_EQ(decompress_image(image_of(ImageCompression::kNone, content)), std::nullopt);
}

}  // namespace
}  // namespace walkback::wal
