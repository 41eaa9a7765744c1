// ChaCha20-Poly1305 (RFC 8439) with one key and many nonces.
#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"
#include "crypto/secret.h"

struct evp_cipher_ctx_st;  // EVP_CIPHER_CTX

namespace walkback::crypto {

using Nonce = std::array<std::byte, 12>;

inline constexpr size_t kTagBytes = 16;

// The key is set up once; a message sets only its nonce. Either seals or opens. One thread at a
// time.
class ChaCha20Poly1305 {
 public:
  enum class Direction { kSeal, kOpen };
  ChaCha20Poly1305(Direction direction, const Secret<32>& key);

  // Fills `ciphertext`, kTagBytes longer than the plaintext and apart from it.
  void seal(const Nonce& nonce, ByteView plaintext, MutableBytes ciphertext);

  // Fills `plaintext`, kTagBytes shorter than the ciphertext. False when the tag does not match;
  // `plaintext` is zeros then, so that nothing unauthenticated can be used by mistake.
  bool open(const Nonce& nonce, ByteView ciphertext, MutableBytes plaintext);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };

  void start(const Nonce& nonce);
  void update(ByteView in, MutableBytes out);

  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace walkback::crypto
