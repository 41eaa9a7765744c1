#include "crypto/payload_layout.h"

#include "base/check.h"

namespace walkback::crypto {

Result<PayloadLayout> PayloadLayout::of(uint64_t file_size, uint64_t payload_start) {
  const auto impossible = [&] {
    return make_error(ErrorKind::kCorrupt, "no age file has " + std::to_string(file_size) +
                                               " bytes with such a header: it was cut or added to");
  };
  if (file_size < payload_start + kTagBytes) return impossible();
  const uint64_t sealed = file_size - payload_start;
  PayloadLayout layout;
  layout.payload_start_ = payload_start;
  layout.chunk_count_ = (sealed + kSealedChunkBytes - 1) / kSealedChunkBytes;
  const uint64_t last = sealed - (layout.chunk_count_ - 1) * kSealedChunkBytes;
  if (last < kTagBytes || (last == kTagBytes && layout.chunk_count_ > 1)) return impossible();
  layout.plaintext_size_ = sealed - layout.chunk_count_ * kTagBytes;
  return layout;
}

uint64_t PayloadLayout::chunk_size(uint64_t chunk) const {
  CHECK(chunk < chunk_count_);
  return is_last(chunk) ? plaintext_size_ - chunk * kChunkBytes : kChunkBytes;
}

Result<ChunkRange> PayloadLayout::chunks_of(uint64_t offset, uint64_t size) const {
  if (offset > plaintext_size_ || size > plaintext_size_ - offset) {
    return make_error(ErrorKind::kCorrupt, "bytes " + std::to_string(offset) + " and " +
                                               std::to_string(size) + " after it are not in " +
                                               std::to_string(plaintext_size_) +
                                               " bytes of plaintext");
  }
  if (size == 0) return ChunkRange{};
  const uint64_t first = offset / kChunkBytes;
  return range(first, (offset + size - 1) / kChunkBytes - first + 1);
}

ChunkRange PayloadLayout::range(uint64_t first, uint64_t count) const {
  const uint64_t tail_chunk = first + count - 1;
  const uint64_t size = (count - 1) * kSealedChunkBytes + chunk_size(tail_chunk) + kTagBytes;
  return {first, count, payload_start_ + first * kSealedChunkBytes, size};
}

}  // namespace walkback::crypto
