// Where the plaintext of an age file lies in the file: pure arithmetic, for reading a range without
// the rest. (C2SP age.md, "Payload")
//
//   payload = *(64 KiB of plaintext, sealed) 1*(up to 64 KiB, sealed)    sealing adds 16 bytes
//
// The last chunk is empty only when the whole plaintext is.
#pragma once

#include "base/result.h"
#include "crypto/age_header.h"
#include "crypto/chacha20_poly1305.h"

namespace walkback::crypto {

inline constexpr size_t kChunkBytes = 64 << 10;                       // of plaintext
inline constexpr size_t kSealedChunkBytes = kChunkBytes + kTagBytes;  // in the file

// The size of the age file of so much plaintext for so many recipients, to the byte.
constexpr uint64_t encrypted_size(uint64_t plaintext, size_t recipients) {
  const uint64_t chunks = plaintext == 0 ? 1 : (plaintext + kChunkBytes - 1) / kChunkBytes;
  return payload_start(recipients) + plaintext + chunks * kTagBytes;
}

// Consecutive chunks, and where they lie in the file.
struct ChunkRange {
  uint64_t first = 0;  // the number of the first chunk
  uint64_t count = 0;
  uint64_t file_offset = 0;  // bytes
  uint64_t file_size = 0;    // bytes
};

// Of one file. What it says of the end is as true as the file's size: a file that was cut between
// two chunks shows only when its last chunk is decrypted. Who takes plaintext_size() for the truth
// decrypts the last chunk first.
class PayloadLayout {
 public:
  // kCorrupt for a size that no age file with such a header has.
  static Result<PayloadLayout> of(uint64_t file_size, uint64_t payload_start);

  uint64_t plaintext_size() const { return plaintext_size_; }
  uint64_t chunk_count() const { return chunk_count_; }  // at least 1
  bool is_last(uint64_t chunk) const { return chunk + 1 == chunk_count_; }
  uint64_t chunk_size(uint64_t chunk) const;  // of its plaintext

  // The chunks that hold this range of plaintext; none for an empty range. kCorrupt when the range
  // reaches past the end: somebody's metadata is wrong, or the file was cut.
  Result<ChunkRange> chunks_of(uint64_t offset, uint64_t size) const;
  ChunkRange last_chunk() const { return range(chunk_count_ - 1, 1); }

 private:
  PayloadLayout() = default;
  ChunkRange range(uint64_t first, uint64_t count) const;

  uint64_t payload_start_ = 0;
  uint64_t plaintext_size_ = 0;
  uint64_t chunk_count_ = 0;
};

}  // namespace walkback::crypto
