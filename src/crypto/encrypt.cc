#include "crypto/encrypt.h"

#include <algorithm>

#include "base/check.h"
#include "crypto/chunk_nonce.h"

namespace walkback::crypto {

Encryptor::Encryptor(std::span<const Recipient> recipients, Random& random)
    : Encryptor(make_header(recipients, random)) {}

Encryptor::Encryptor(NewHeader header)
    : header_(std::move(header.bytes)),
      cipher_(ChaCha20Poly1305::Direction::kSeal, header.payload_key.key) {
  waiting_.reserve(kChunkBytes);
}

ByteView Encryptor::append(ByteView plaintext) {
  start_output(plaintext.size());
  const auto wait = [&](size_t size) {
    waiting_.insert(waiting_.end(), plaintext.begin(),
                    plaintext.begin() + static_cast<ptrdiff_t>(size));
    plaintext = plaintext.subspan(size);
  };
  // A full chunk is sealed only when another byte follows: else it is the last one.
  if (!waiting_.empty() && waiting_.size() + plaintext.size() > kChunkBytes) {
    wait(kChunkBytes - waiting_.size());
    seal(waiting_, false);
    waiting_.clear();
  }
  while (plaintext.size() > kChunkBytes) {
    seal(plaintext.first(kChunkBytes), false);
    plaintext = plaintext.subspan(kChunkBytes);
  }
  wait(plaintext.size());
  return ByteView(output_).first(written_);
}

ByteView Encryptor::finish() {
  start_output(0);
  seal(waiting_, true);
  finished_ = true;
  return ByteView(output_).first(written_);
}

// Makes room for all that one call can seal.
void Encryptor::start_output(size_t plaintext) {
  CHECK(!finished_);
  const size_t chunks = (waiting_.size() + plaintext) / kChunkBytes + 1;
  const size_t room = header_.size() + chunks * kSealedChunkBytes;
  if (output_.size() < room) {
    output_.clear();  // nothing to carry over
    output_.resize(room);
  }
  std::copy(header_.begin(), header_.end(), output_.begin());
  written_ = header_.size();
  header_.clear();
}

void Encryptor::seal(ByteView chunk, bool last) {
  const MutableBytes sealed = MutableBytes(output_).subspan(written_, chunk.size() + kTagBytes);
  cipher_.seal(chunk_nonce(next_chunk_++, last), chunk, sealed);
  written_ += sealed.size();
}

Bytes encrypt(ByteView plaintext, std::span<const Recipient> recipients, Random& random) {
  NewHeader header = make_header(recipients, random);
  ChaCha20Poly1305 cipher(ChaCha20Poly1305::Direction::kSeal, header.payload_key.key);
  Bytes file = std::move(header.bytes);
  size_t written = file.size();
  file.resize(encrypted_size(plaintext.size(), recipients.size()));
  for (uint64_t number = 0; written < file.size(); ++number) {
    const ByteView chunk = plaintext.first(std::min(plaintext.size(), kChunkBytes));
    plaintext = plaintext.subspan(chunk.size());
    const MutableBytes sealed = MutableBytes(file).subspan(written, chunk.size() + kTagBytes);
    cipher.seal(chunk_nonce(number, plaintext.empty()), chunk, sealed);
    written += sealed.size();
  }
  return file;
}

}  // namespace walkback::crypto
