#include "crypto/decrypt.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/chunk_nonce.h"

namespace walkback::crypto {
namespace {

Error damaged_chunk(uint64_t number, const char* why) {
  return make_error(ErrorKind::kCorrupt,
                    "encrypted chunk " + std::to_string(number) + " is damaged: " + why);
}

bool is_possible_size(uint64_t number, bool last, size_t sealed) {
  if (!last) return sealed == kSealedChunkBytes;
  return sealed <= kSealedChunkBytes && (number == 0 ? sealed >= kTagBytes : sealed > kTagBytes);
}

}  // namespace

Decryptor::Decryptor(const PayloadKey& key)
    : cipher_(ChaCha20Poly1305::Direction::kOpen, key.key) {}

Result<void> Decryptor::decrypt_chunk(uint64_t number, bool last, ByteView sealed,
                                      MutableBytes plaintext) {
  if (!is_possible_size(number, last, sealed.size())) {
    return damaged_chunk(number, "a chunk there has another size");
  }
  if (!cipher_.open(chunk_nonce(number, last), sealed, plaintext)) {
    return damaged_chunk(number, "it was changed, moved, or is not where the file ended");
  }
  return success();
}

Result<void> Decryptor::decrypt_range(const PayloadLayout& layout, uint64_t offset, ByteView sealed,
                                      MutableBytes plaintext) {
  const ChunkRange chunks = TRY(layout.chunks_of(offset, plaintext.size()));
  CHECK(sealed.size() == chunks.file_size);
  uint64_t skip = chunks.count == 0 ? 0 : offset - chunks.first * kChunkBytes;  // of the first
  for (uint64_t i = 0; i < chunks.count; ++i) {
    const uint64_t number = chunks.first + i;
    const size_t size = layout.chunk_size(number);
    const ByteView chunk = sealed.first(size + kTagBytes);
    sealed = sealed.subspan(chunk.size());
    const size_t wanted = std::min<size_t>(plaintext.size(), size - skip);
    const bool whole = wanted == size;
    if (!whole) scratch_.resize(size);
    const MutableBytes opened = whole ? plaintext.first(size) : MutableBytes(scratch_);
    TRY(decrypt_chunk(number, layout.is_last(number), chunk, opened));
    if (!whole)
      std::copy_n(scratch_.begin() + static_cast<ptrdiff_t>(skip), wanted, plaintext.begin());
    plaintext = plaintext.subspan(wanted);
    skip = 0;
  }
  return success();
}

Result<Bytes> decrypt(ByteView file, std::span<const Identity> identities, uint64_t limit) {
  const std::optional<Header> header = TRY(Header::parse(file));
  if (!header) return make_error(ErrorKind::kCorrupt, "the age file ends within its header");
  const PayloadKey key = TRY(header->unwrap(identities));
  const PayloadLayout layout = TRY(PayloadLayout::of(file.size(), header->payload_start()));
  if (layout.plaintext_size() > limit) {
    return make_error(ErrorKind::kInvalid, "it holds " + std::to_string(layout.plaintext_size()) +
                                               " bytes; at most " + std::to_string(limit) +
                                               " are read at once");
  }
  Bytes plaintext(layout.plaintext_size());
  Decryptor decryptor(key);
  if (plaintext.empty()) {  // its chunk proves that nothing was cut off
    TRY(decryptor.decrypt_chunk(0, true, file.subspan(header->payload_start()), plaintext));
    return plaintext;
  }
  TRY(decryptor.decrypt_range(layout, 0, file.subspan(header->payload_start()), plaintext));
  return plaintext;
}

}  // namespace walkback::crypto
