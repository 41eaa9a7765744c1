#include "crypto/signature.h"

#include <openssl/evp.h>

#include <memory>

#include "base/check.h"
#include "crypto/bech32.h"

namespace walkback::crypto {
namespace {

constexpr std::string_view kVerifyPrefix = "walkback-verify";
constexpr std::string_view kSigningPrefix = "WALKBACK-SIGNING-KEY-";

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* freed) const {
    kFree(freed);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

Key private_key(const Secret<32>& secret) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(secret.bytes()),
                                       secret.bytes().size()));
  CHECK(key != nullptr);
  return key;
}

std::array<std::byte, 32> public_half(const Secret<32>& secret) {
  std::array<std::byte, 32> half;
  size_t size = half.size();
  CHECK(EVP_PKEY_get_raw_public_key(private_key(secret).get(), raw(MutableBytes(half)), &size) ==
        1);
  CHECK(size == half.size());
  return half;
}

}  // namespace

Result<VerifyKey> VerifyKey::parse(std::string_view text) {
  if (starts_with_ignoring_case(text, kSigningPrefix)) {
    return make_error(ErrorKind::kInvalid, "this is a private signing key, not a verify key",
                      "replace a key that was shown");
  }
  std::array<std::byte, 32> key;
  TRY(decode_bech32(kVerifyPrefix, text, key));
  return VerifyKey(key);
}

std::string VerifyKey::text() const { return encode_bech32(kVerifyPrefix, key_); }

bool VerifyKey::verify(ByteView message, ByteView signature) const {
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(ByteView(key_)), key_.size()));
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(key != nullptr && context != nullptr);
  CHECK(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  return EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message),
                          message.size()) == 1;
}

SigningKey::SigningKey(const Secret<32>& secret)
    : secret_(secret), verify_key_(public_half(secret)) {}

SigningKey SigningKey::generate(Random& random) {
  Secret<32> secret;
  random.fill(secret.bytes());
  return SigningKey(secret);
}

Result<SigningKey> SigningKey::parse(std::string_view text) {
  if (starts_with_ignoring_case(text, kVerifyPrefix)) {
    return make_error(ErrorKind::kInvalid, "this is a verify key, the public half",
                      "give the file with the signing key");
  }
  Secret<32> secret;
  TRY(decode_bech32(kSigningPrefix, text, secret.bytes()));
  return SigningKey(secret);
}

SecretText SigningKey::text() const {
  return SecretText(encode_bech32(kSigningPrefix, secret_.bytes()));
}

Signature SigningKey::sign(ByteView message) const {
  const Key key = private_key(secret_);
  const DigestContext context(EVP_MD_CTX_new());
  CHECK(context != nullptr);
  CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  Signature signature;
  size_t size = signature.size();
  CHECK(EVP_DigestSign(context.get(), raw(MutableBytes(signature)), &size, raw(message),
                       message.size()) == 1);
  CHECK(size == signature.size());
  return signature;
}

}  // namespace walkback::crypto
