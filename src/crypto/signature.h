// Ed25519 signatures (RFC 8032): age says that bytes were not changed on the way to a key's owner,
// but not who wrote them.
//
// The text of a key is Bech32: walkback-verify1… to publish, WALKBACK-SIGNING-KEY-1… to keep.
// A signature says nothing of what the message is for: the signed bytes must say it themselves.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace walkback::crypto {

using Signature = std::array<std::byte, 64>;

// Public. A value.
class VerifyKey {
 public:
  // kInvalid says what is wrong with the text.
  static Result<VerifyKey> parse(std::string_view text);
  std::string text() const;

  // Whether the owner of the signing key signed exactly this message. Any size of `signature` may
  // be given; other than 64 bytes never verify.
  [[nodiscard]] bool verify(ByteView message, ByteView signature) const;

  auto operator<=>(const VerifyKey&) const = default;

 private:
  friend class SigningKey;
  explicit VerifyKey(const std::array<std::byte, 32>& key) : key_(key) {}
  std::array<std::byte, 32> key_;
};

// Private. Its bytes are wiped when it dies. Safe to use from many threads at once.
class SigningKey {
 public:
  static SigningKey generate(Random& random);
  // kInvalid says what is wrong, and never with a part of the text.
  static Result<SigningKey> parse(std::string_view text);

  SecretText text() const;
  const VerifyKey& verify_key() const { return verify_key_; }

  // The same message has always the same signature.
  Signature sign(ByteView message) const;

 private:
  explicit SigningKey(const Secret<32>& secret);
  Secret<32> secret_;  // RFC 8032 calls it the seed
  VerifyKey verify_key_;
};

}  // namespace walkback::crypto
