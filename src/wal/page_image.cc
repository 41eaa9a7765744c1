#include "wal/page_image.h"

#include <lz4.h>
#include <zstd.h>

#include "pg/page.h"
#include "wal/pglz.h"

namespace walkback::wal {

namespace {

// src/include/storage/bufpage.h, itemid.h
constexpr size_t kPageHeaderBytes = 24;
constexpr size_t kLinePointerBytes = 4;
constexpr uint32_t kItemNormal = 1;

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

std::optional<ImagePage> ImagePage::of(const BlockImage& image) {
  ImagePage page(image);
  if (image.compression == ImageCompression::kNone) return page;
  std::optional<Bytes> unpacked = decompress_image(image);
  if (!unpacked) return std::nullopt;
  page.unpacked_ = *std::move(unpacked);
  page.image_.bytes = page.unpacked_;
  return page;
}

std::optional<ByteView> ImagePage::bytes(size_t at, size_t count) const {
  const bool before = at + count <= image_.hole_offset;
  const size_t hole_end = size_t{image_.hole_offset} + image_.hole_bytes;
  if (!before && at < hole_end) return std::nullopt;
  const size_t stored = before ? at : at - image_.hole_bytes;
  if (stored > image_.bytes.size() || count > image_.bytes.size() - stored) return std::nullopt;
  return image_.bytes.subspan(stored, count);
}

std::optional<ByteView> ImagePage::item(uint16_t number) const {
  if (number == 0) return std::nullopt;
  const auto pointer =
      bytes(kPageHeaderBytes + size_t{number - 1u} * kLinePointerBytes, kLinePointerBytes);
  if (!pointer) return std::nullopt;
  const auto item = load<uint32_t>(*pointer, 0);  // lp_off:15, lp_flags:2, lp_len:15
  if ((item >> 15 & 3) != kItemNormal) return std::nullopt;
  return bytes(item & 0x7FFF, item >> 17);
}

}  // namespace walkback::wal
