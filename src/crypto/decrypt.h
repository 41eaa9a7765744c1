// Reading age v1 files: chunk by chunk at any place, a range, or a whole file.
//
//   header   = Header::parse(first bytes)        object store: read_at(0, …)
//   key      = header.unwrap(identities)         one X25519 operation
//   layout   = PayloadLayout::of(size, header.payload_start())
//   chunks   = layout.chunks_of(offset, size)    read_at(chunks.file_offset, …)
//   Decryptor(key).decrypt_range(layout, offset, bytes, out)
#pragma once

#include <span>

#include "crypto/payload_layout.h"

namespace walkback::crypto {

// Of one file. Cheap to make: one for each thread. One thread at a time.
class Decryptor {
 public:
  explicit Decryptor(const PayloadKey& key);

  // Fills `plaintext`, kTagBytes shorter than `sealed`. kCorrupt: the chunk was changed, is another
  // one, is (or is not) the last against what is said, or has a size that a chunk in its place
  // cannot have. Then `plaintext` holds nothing of it.
  Result<void> decrypt_chunk(uint64_t number, bool last, ByteView sealed, MutableBytes plaintext);

  // Fills `plaintext` with what lies at `offset`, from the chunks that layout.chunks_of() named.
  // When it fails, `plaintext` is not to be used.
  Result<void> decrypt_range(const PayloadLayout& layout, uint64_t offset, ByteView sealed,
                             MutableBytes plaintext);

 private:
  ChaCha20Poly1305 cipher_;
  Bytes scratch_;  // for chunks of which only a part is wanted
};

// A whole file, or nothing of it. Errors as of Header::parse() and unwrap(); kCorrupt for a damaged
// payload; kInvalid above `limit` bytes of plaintext.
Result<Bytes> decrypt(ByteView file, std::span<const Identity> identities, uint64_t limit);

}  // namespace walkback::crypto
