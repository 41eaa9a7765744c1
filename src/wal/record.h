// What a record says besides its header: which blocks it changes, their images, its data
// (src/include/access/xlogrecord.h; DecodeXLogRecord in src/backend/access/transam/xlogreader.c).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "pg/data_directory.h"
#include "pg/types.h"
#include "wal/record_reader.h"

namespace walkback::wal {

// Which relation's files: RelFileNode, RelFileLocator since 16.
struct RelationLocator {
  pg::Oid tablespace = 0;
  pg::Oid database = 0;
  pg::Oid number = 0;
  auto operator<=>(const RelationLocator&) const = default;
};
static_assert(sizeof(RelationLocator) == 12);

enum class ImageCompression : uint8_t { kNone, kPglz, kLz4, kZstd };

// A full-page image, as stored: without the hole of zeros in the middle of the page.
struct BlockImage {
  ByteView bytes;
  uint16_t hole_offset = 0;
  uint16_t hole_bytes = 0;
  ImageCompression compression = ImageCompression::kNone;
  bool apply = false;  // replaces the page in replay; else it is for consistency checks only
};

struct BlockReference {
  uint8_t id = 0;
  pg::Fork fork = pg::Fork::kMain;
  bool will_init = false;  // replay makes the page anew
  RelationLocator relation;
  uint32_t block = 0;
  std::optional<BlockImage> image;
  ByteView data;
};

// Views the record it was decoded from. Reuse one object: it is large and needs no clearing.
class DecodedRecord {
 public:
  // kCorrupt when the headers contradict each other or the length: after a checksum that holds,
  // this means a record this program misunderstands.
  Result<void> decode(const Record& record, int major);
  // Only what stands in front of images, data and main data, of a record that starts with `bytes`:
  // blocks() have neither images nor data then. How many bytes that is, its own header included;
  // nothing where `bytes` ends before. kCorrupt as above.
  Result<std::optional<size_t>> decode_headers(ByteView bytes, pg::Lsn start, int major);

  std::span<const BlockReference> blocks() const { return {blocks_.data(), block_count_}; }
  ByteView main_data() const { return main_data_; }
  std::optional<uint16_t> origin() const { return origin_; }             // a replication origin
  std::optional<pg::Xid> toplevel_xid() const { return toplevel_xid_; }  // 14+, in a subtransaction

 private:
  static constexpr size_t kMaxBlocks = 33;  // XLR_MAX_BLOCK_ID + 1

  // Of a record of `total` bytes, all of it or not.
  const char* read_headers(ByteReader& reader, size_t total, int major);
  void clear();
  const char* read_block(ByteReader& reader, uint8_t id, int major);
  const char* read_image(ByteReader& reader, int major, BlockReference& block, size_t& bytes);
  const char* read_bodies(ByteReader& reader);

  std::array<BlockReference, kMaxBlocks> blocks_;
  std::array<uint16_t, kMaxBlocks> data_bytes_{};
  std::array<uint16_t, kMaxBlocks> image_bytes_{};
  size_t block_count_ = 0;
  size_t main_bytes_ = 0;
  size_t body_bytes_ = 0;  // of all images and data announced so far
  ByteView main_data_;
  std::optional<uint16_t> origin_;
  std::optional<pg::Xid> toplevel_xid_;
};

}  // namespace walkback::wal
