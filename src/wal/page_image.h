// A page as a full-page image holds it, uncompressed (wal_compression).
#pragma once

#include <optional>

#include "base/bytes.h"
#include "wal/record.h"

namespace walkback::wal {

// The page without its hole, where the image is a compressed one: by PostgreSQL's own pglz, as one
// block of LZ4 or as one zstd frame (src/backend/access/transam/xloginsert.c,
// XLogCompressBackupBlock). Nothing when its bytes are not exactly that. Safe for any input.
std::optional<Bytes> decompress_image(const BlockImage& image);

// The page of an image, for whoever looks for single items on it. Views the image's bytes unless
// they are compressed. Safe for any input.
class ImagePage {
 public:
  ImagePage(ImagePage&&) = default;
  ImagePage& operator=(ImagePage&&) = default;
  // Nothing for a compressed image that is damaged.
  static std::optional<ImagePage> of(const BlockImage& image);

  // The item behind line pointer `number`, which counts from 1 (src/include/storage/bufpage.h,
  // itemid.h); nothing when there is no such one in use. A view of this page.
  std::optional<ByteView> item(uint16_t number) const;

 private:
  explicit ImagePage(const BlockImage& image) : image_(image) {}
  // Nothing for bytes of the hole.
  std::optional<ByteView> bytes(size_t at, size_t count) const;

  BlockImage image_;
  Bytes unpacked_;  // what image_ views, where it was compressed: moving keeps its place
};

}  // namespace walkback::wal
