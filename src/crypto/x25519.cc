#include "crypto/x25519.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <memory>
#include <string>

#include "base/check.h"

namespace walkback::crypto {
namespace {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* freed) const {
    kFree(freed);
  }
};
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using PublicKey = PrivateKey;
using Derivation = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Free<EVP_KDF_CTX_free>>;

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

PrivateKey private_key(const Secret<32>& secret) {
  PrivateKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(secret.bytes()),
                                              secret.bytes().size()));
  CHECK(key != nullptr);
  return key;
}

}  // namespace

Point x25519_public(const Secret<32>& secret) {
  Point point;
  size_t size = point.size();
  CHECK(EVP_PKEY_get_raw_public_key(private_key(secret).get(), raw(MutableBytes(point)), &size) ==
            1 &&
        size == point.size());
  return point;
}

bool x25519_shared(const Secret<32>& secret, const Point& point, Secret<32>& shared) {
  const PrivateKey own = private_key(secret);
  const PublicKey peer(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(ByteView(point)), point.size()));
  const Derivation derivation(EVP_PKEY_CTX_new(own.get(), nullptr));
  CHECK(peer != nullptr && derivation != nullptr);
  CHECK(EVP_PKEY_derive_init(derivation.get()) == 1);
  CHECK(EVP_PKEY_derive_set_peer(derivation.get(), peer.get()) == 1);
  size_t size = shared.bytes().size();
  // OpenSSL itself fails on a result of zeros, and on nothing else here.
  if (EVP_PKEY_derive(derivation.get(), raw(shared.bytes()), &size) != 1) return false;
  CHECK(size == shared.bytes().size());
  static constexpr Point kZero{};
  return CRYPTO_memcmp(shared.bytes().data(), kZero.data(), kZero.size()) != 0;
}

Secret<32> hkdf_sha256(ByteView key, ByteView salt, std::string_view info) {
  static EVP_KDF* const algorithm = EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const KdfContext context(EVP_KDF_CTX_new(algorithm));
  CHECK(context != nullptr);
  static constexpr std::array<std::byte, 32> kNoSalt{};
  if (salt.empty()) salt = kNoSalt;
  // OSSL_PARAM holds pointers to what it could change, for parameters that are read too.
  const auto octets = [](const char* name, ByteView value) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::byte*>(value.data()),
                                             value.size());
  };
  std::string digest = "SHA256";
  const std::array<OSSL_PARAM, 5> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
      octets(OSSL_KDF_PARAM_INFO, as_bytes(info)), OSSL_PARAM_construct_end()};
  Secret<32> derived;
  CHECK(EVP_KDF_derive(context.get(), raw(derived.bytes()), derived.bytes().size(),
                       parameters.data()) == 1);
  return derived;
}

std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message) {
  std::array<std::byte, 32> mac;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message), message.size(),
             raw(MutableBytes(mac)), nullptr) != nullptr);
  return mac;
}

}  // namespace walkback::crypto
