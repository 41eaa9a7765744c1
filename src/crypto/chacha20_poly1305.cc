#include "crypto/chacha20_poly1305.h"

#include <openssl/evp.h>

#include <new>

#include "base/check.h"

namespace walkback::crypto {
namespace {

unsigned char* raw(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* raw(const std::byte* bytes) {
  return reinterpret_cast<const unsigned char*>(bytes);
}

// Fetched once: OpenSSL 3 otherwise looks the algorithm up each time (crypto(7), "Performance").
const EVP_CIPHER* algorithm() {
  static EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  CHECK(fetched != nullptr);
  return fetched;
}

}  // namespace

void ChaCha20Poly1305::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);  // wipes the key
}

ChaCha20Poly1305::ChaCha20Poly1305(Direction direction, const Secret<32>& key)
    : context_(EVP_CIPHER_CTX_new()) {
  if (!context_) throw std::bad_alloc();
  CHECK(EVP_CipherInit_ex(context_.get(), algorithm(), nullptr, raw(key.bytes().data()), nullptr,
                          direction == Direction::kSeal ? 1 : 0) == 1);
}

void ChaCha20Poly1305::start(const Nonce& nonce) {
  CHECK(EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, raw(nonce.data()), -1) == 1);
}

void ChaCha20Poly1305::update(ByteView in, MutableBytes out) {
  if (in.empty()) return;  // without an output OpenSSL would take it for associated data
  int written = 0;
  CHECK(EVP_CipherUpdate(context_.get(), raw(out.data()), &written, raw(in.data()),
                         static_cast<int>(in.size())) == 1);
  CHECK(static_cast<size_t>(written) == in.size());
}

void ChaCha20Poly1305::seal(const Nonce& nonce, ByteView plaintext, MutableBytes ciphertext) {
  CHECK(ciphertext.size() == plaintext.size() + kTagBytes);
  start(nonce);
  update(plaintext, ciphertext);
  const MutableBytes tag = ciphertext.last(kTagBytes);
  int written = 0;  // nothing: a stream cipher holds nothing back
  CHECK(EVP_CipherFinal_ex(context_.get(), raw(tag.data()), &written) == 1 && written == 0);
  CHECK(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, tag.data()) == 1);
}

bool ChaCha20Poly1305::open(const Nonce& nonce, ByteView ciphertext, MutableBytes plaintext) {
  CHECK(ciphertext.size() == plaintext.size() + kTagBytes);
  start(nonce);
  // OpenSSL takes the expected tag through a pointer to what it could change.
  std::array<std::byte, kTagBytes> tag;
  std::memcpy(tag.data(), ciphertext.last(kTagBytes).data(), kTagBytes);
  CHECK(EVP_CIPHER_CTX_ctrl(context_.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  update(ciphertext.first(plaintext.size()), plaintext);
  int written = 0;
  std::array<unsigned char, 16> rest;
  if (EVP_CipherFinal_ex(context_.get(), rest.data(), &written) == 1) return true;
  wipe(plaintext);
  return false;
}

}  // namespace walkback::crypto
