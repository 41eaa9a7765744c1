#include "wal/page_image.h"

#include <lz4.h>
#include <zstd.h>

#include "pg/page.h"
#include "wal/pglz.h"

namespace walkback::wal {

namespace {

std::optional<Bytes> lz4_decompress(ByteView compressed, size_t bytes) {
  Bytes content(bytes);
  const int got = LZ4_decompress_safe(reinterpret_cast<const char*>(compressed.data()),
                                      reinterpret_cast<char*>(content.data()),
                                      static_cast<int>(compressed.size()), static_cast<int>(bytes));
  if (got < 0 || static_cast<size_t>(got) != bytes) return std::nullopt;
  return content;
}

std::optional<Bytes> zstd_decompress(ByteView compressed, size_t bytes) {
  Bytes content(bytes);
  const size_t got =
      ZSTD_decompress(content.data(), content.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(got) || got != bytes) return std::nullopt;
  return content;
}

}  // namespace

std::optional<Bytes> decompress_image(const BlockImage& image) {
  if (image.hole_bytes > pg::kPageBytes) return std::nullopt;
  const size_t bytes = pg::kPageBytes - image.hole_bytes;
  switch (image.compression) {
    case ImageCompression::kNone:
      break;
    case ImageCompression::kPglz:
      return pglz_decompress(image.bytes, bytes);
    case ImageCompression::kLz4:
      return lz4_decompress(image.bytes, bytes);
    case ImageCompression::kZstd:
      return zstd_decompress(image.bytes, bytes);
  }
  return std::nullopt;
}

}  // namespace walkback::wal
