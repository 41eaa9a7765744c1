// Writing age v1 files for X25519 recipients.
#pragma once

#include <span>

#include "base/random.h"
#include "crypto/payload_layout.h"

namespace walkback::crypto {

// One file, in pieces. Holds one chunk and the ciphertext of one piece, whatever the file's size.
// Wants 1 to kMostRecipients recipients. One thread at a time.
class Encryptor {
 public:
  Encryptor(std::span<const Recipient> recipients, Random& random);

  // What can be written by now, the header first; valid until the next call. Pieces of whole chunks
  // (64 KiB) are copied least.
  ByteView append(ByteView plaintext);
  // The rest. A file without it is refused by every reader. Call once.
  ByteView finish();

 private:
  Encryptor(NewHeader header);
  void start_output(size_t plaintext);
  void seal(ByteView chunk, bool last);

  Bytes header_;  // until it is handed out
  ChaCha20Poly1305 cipher_;
  uint64_t next_chunk_ = 0;
  Bytes waiting_;  // up to one chunk, which could be the last
  Bytes output_;
  size_t written_ = 0;  // of output_
  bool finished_ = false;
};

// The whole file at once.
Bytes encrypt(ByteView plaintext, std::span<const Recipient> recipients, Random& random);

}  // namespace walkback::crypto
