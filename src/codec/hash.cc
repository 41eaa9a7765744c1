#include <openssl/evp.h>

#include <new>

#include "codec/frame.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace walkback::codec {

// In xxh3_avx2.cc.
XXH128_hash_t xxh3_128_avx2(const void* data, size_t size);
uint64_t xxh3_64_avx2(const void* data, size_t size);

namespace {

#if defined(__x86_64__)
const bool kHasAvx2 = __builtin_cpu_supports("avx2");

XXH128_hash_t xxh3_128(ByteView data) {
  return kHasAvx2 ? xxh3_128_avx2(data.data(), data.size())
                  : XXH3_128bits(data.data(), data.size());
}
uint64_t xxh3_64(ByteView data) {
  return kHasAvx2 ? xxh3_64_avx2(data.data(), data.size()) : XXH3_64bits(data.data(), data.size());
}
#else
XXH128_hash_t xxh3_128(ByteView data) { return XXH3_128bits(data.data(), data.size()); }
uint64_t xxh3_64(ByteView data) { return XXH3_64bits(data.data(), data.size()); }
#endif

ContentHash as_stored(const XXH128_hash_t& hash) {
  ContentHash result;
  std::memcpy(result.bytes.data(), &hash.low64, 8);
  std::memcpy(result.bytes.data() + 8, &hash.high64, 8);
  return result;
}

}  // namespace

ContentHash hash_content(ByteView content) { return as_stored(xxh3_128(content)); }

// Without AVX2, which is for what is hashed in one go; this keeps up with encryption all the same.
struct ContentHashStream::State {
  XXH3_state_t hash;
};

ContentHashStream::ContentHashStream() : state_(std::make_unique<State>()) {
  CHECK(XXH3_128bits_reset(&state_->hash) == XXH_OK);
}
ContentHashStream::~ContentHashStream() = default;

void ContentHashStream::update(ByteView data) {
  CHECK(XXH3_128bits_update(&state_->hash, data.data(), data.size()) == XXH_OK);
}

ContentHash ContentHashStream::finish() const {
  return as_stored(XXH3_128bits_digest(&state_->hash));
}

uint64_t hash_page(ByteView page) { return xxh3_64(page); }

uint64_t hash_frame(ByteView frame) { return xxh3_64(frame); }

namespace {

// Fetched once: OpenSSL 3 otherwise looks the algorithm up for every digest (crypto(7),
// "Performance").
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(algorithm != nullptr);
  return algorithm;
}

}  // namespace

Sha256 sha256(ByteView data) {
  Sha256 digest;
  CHECK(EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(digest.data()),
                   nullptr, sha256_algorithm(), nullptr) == 1);
  return digest;
}

struct Sha256Stream::State {
  struct Free {
    void operator()(EVP_MD_CTX* freed) const { EVP_MD_CTX_free(freed); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
  if (!state_->context) throw std::bad_alloc();
  CHECK(EVP_DigestInit_ex(state_->context.get(), sha256_algorithm(), nullptr) == 1);
}
Sha256Stream::~Sha256Stream() = default;
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;

void Sha256Stream::update(ByteView data) {
  CHECK(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()) == 1);
}

Sha256 Sha256Stream::finish() {
  Sha256 digest;
  CHECK(EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(digest.data()),
                           nullptr) == 1);
  return digest;
}

}  // namespace walkback::codec
