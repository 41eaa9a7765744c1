#include "wal/record.h"

#include <fmt/format.h>

namespace walkback::wal {
namespace {

// Ids that are not block numbers.
constexpr uint8_t kMaxBlockId = 32;
constexpr uint8_t kDataShort = 255;
constexpr uint8_t kDataLong = 254;
constexpr uint8_t kOrigin = 253;
constexpr uint8_t kToplevelXid = 252;

// fork_flags
constexpr uint8_t kForkMask = 0x0F;
constexpr uint8_t kHasImage = 0x10;
constexpr uint8_t kHasData = 0x20;
constexpr uint8_t kWillInit = 0x40;
constexpr uint8_t kSameRelation = 0x80;

// bimg_info: 15 made room for more kinds of compression.
constexpr uint8_t kHasHole = 0x01;
struct ImageFlags {
  uint8_t apply, pglz, lz4, zstd;
};
constexpr ImageFlags kFlagsTo14{0x04, 0x02, 0, 0};
constexpr ImageFlags kFlagsFrom15{0x02, 0x04, 0x08, 0x10};

constexpr size_t kPageBytes = 8192;

constexpr const char* kLengthsDiffer = "lengths that do not add up";

Error misunderstood(pg::Lsn start, const char* problem) {
  return make_error(ErrorKind::kCorrupt, fmt::format("record at {}: {}", start.text(), problem));
}

}  // namespace

Result<void> DecodedRecord::decode(const Record& record, int major) {
  clear();
  ByteReader reader(record.bytes);
  reader.skip(kRecordHeaderBytes);
  const char* problem = read_headers(reader, record.bytes.size(), major);
  if (problem == nullptr) problem = read_bodies(reader);
  if (problem == nullptr) return success();
  return misunderstood(record.start, problem);
}

Result<std::optional<size_t>> DecodedRecord::decode_headers(ByteView bytes, pg::Lsn start,
                                                            int major) {
  clear();
  ByteReader reader(bytes);
  const auto total = reader.read<uint32_t>();
  reader.skip(kRecordHeaderBytes - sizeof total);
  const char* problem = read_headers(reader, total, major);
  // What is read beyond the end is zeros, which no header need be.
  if (reader.failed()) return std::optional<size_t>();
  if (problem == nullptr && total - reader.position() != body_bytes_) problem = kLengthsDiffer;
  if (problem != nullptr) return misunderstood(start, problem);
  for (BlockReference& block : std::span(blocks_.data(), block_count_)) {
    block.image.reset();
    block.data = {};
  }
  return std::optional(reader.position());
}

void DecodedRecord::clear() {
  block_count_ = 0;
  main_bytes_ = 0;
  body_bytes_ = 0;
  main_data_ = {};
  origin_.reset();
  toplevel_xid_.reset();
}

// Headers come first, until what is left is as long as the bodies they announce.
const char* DecodedRecord::read_headers(ByteReader& reader, size_t total, int major) {
  while (!reader.failed() && total > reader.position() + body_bytes_) {
    const auto id = reader.read<uint8_t>();
    if (id == kDataShort || id == kDataLong) {
      main_bytes_ = id == kDataShort ? reader.read<uint8_t>() : reader.read<uint32_t>();
      body_bytes_ += main_bytes_;
      return nullptr;  // always the last
    }
    if (id == kOrigin) {
      origin_ = reader.read<uint16_t>();
    } else if (id == kToplevelXid && major >= 14) {
      toplevel_xid_ = reader.read<uint32_t>();
    } else if (id <= kMaxBlockId) {
      if (const char* problem = read_block(reader, id, major)) return problem;
    } else {
      return "an unknown block id";
    }
  }
  return nullptr;
}

const char* DecodedRecord::read_block(ByteReader& reader, uint8_t id, int major) {
  if (block_count_ > 0 && id <= blocks_[block_count_ - 1].id) return "block ids out of order";
  BlockReference& block = blocks_[block_count_];
  block.id = id;
  const auto flags = reader.read<uint8_t>();
  const auto data_bytes = reader.read<uint16_t>();
  if ((flags & kForkMask) > static_cast<uint8_t>(pg::Fork::kInit)) return "an unknown fork";
  if (((flags & kHasData) != 0) != (data_bytes != 0))
    return "a data flag that contradicts the length";
  block.fork = static_cast<pg::Fork>(flags & kForkMask);
  block.will_init = flags & kWillInit;
  block.image.reset();
  size_t image_bytes = 0;
  if (flags & kHasImage) {
    if (const char* problem = read_image(reader, major, block, image_bytes)) return problem;
  }
  if ((flags & kSameRelation) == 0) {
    block.relation = reader.read<RelationLocator>();
  } else if (block_count_ > 0) {
    block.relation = blocks_[block_count_ - 1].relation;
  } else {
    return "a first block of the same relation as none";
  }
  block.block = reader.read<uint32_t>();
  image_bytes_[block_count_] = static_cast<uint16_t>(image_bytes);
  data_bytes_[block_count_] = data_bytes;
  body_bytes_ += image_bytes + data_bytes;
  ++block_count_;
  return nullptr;
}

const char* DecodedRecord::read_image(ByteReader& reader, int major, BlockReference& block,
                                      size_t& bytes) {
  bytes = reader.read<uint16_t>();
  const auto hole_offset = reader.read<uint16_t>();
  const auto info = reader.read<uint8_t>();
  const ImageFlags& flags = major >= 15 ? kFlagsFrom15 : kFlagsTo14;
  BlockImage image;
  image.hole_offset = hole_offset;
  image.apply = info & flags.apply;
  if (info & flags.pglz) image.compression = ImageCompression::kPglz;
  if (info & flags.lz4) image.compression = ImageCompression::kLz4;
  if (info & flags.zstd) image.compression = ImageCompression::kZstd;
  const bool compressed = image.compression != ImageCompression::kNone;
  const bool has_hole = info & kHasHole;
  if (has_hole) {
    image.hole_bytes =
        compressed ? reader.read<uint16_t>() : static_cast<uint16_t>(kPageBytes - bytes);
  }
  if (bytes > kPageBytes || image.hole_offset + image.hole_bytes > kPageBytes) {
    return "an image larger than a page";
  }
  if (has_hole ? (image.hole_offset == 0 || image.hole_bytes == 0 || bytes == kPageBytes)
               : (image.hole_offset != 0)) {
    return "an image with an impossible hole";
  }
  if (compressed ? bytes == kPageBytes : bytes + image.hole_bytes != kPageBytes) {
    return "an image of an impossible length";
  }
  block.image = image;
  return nullptr;
}

const char* DecodedRecord::read_bodies(ByteReader& reader) {
  if (reader.failed() || reader.remaining() != body_bytes_) return kLengthsDiffer;
  for (size_t i = 0; i < block_count_; ++i) {
    if (blocks_[i].image) blocks_[i].image->bytes = reader.take(image_bytes_[i]);
    blocks_[i].data = reader.take(data_bytes_[i]);
  }
  main_data_ = reader.take(main_bytes_);
  return nullptr;
}

}  // namespace walkback::wal
