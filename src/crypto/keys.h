// age's X25519 keys: a recipient can be encrypted to, its identity decrypts.
// (C2SP age.md, "The X25519 recipient type")
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"
#include "crypto/x25519.h"

namespace walkback::crypto {

// A public key. A value: free to copy, print and store.
class Recipient {
 public:
  // "age1…". kInvalid says what is wrong with it; kUnsupported names the kind of key that it is
  // (SSH, plugin, post-quantum). A point of low order, to which nothing is secret, is kInvalid.
  static Result<Recipient> parse(std::string_view text);
  std::string text() const;

  const Point& point() const { return point_; }
  auto operator<=>(const Recipient&) const = default;

 private:
  friend class Identity;
  explicit Recipient(const Point& point) : point_(point) {}
  Point point_;
};

// A private key. Its bytes are wiped when it dies, those of each copy too.
class Identity {
 public:
  static Identity generate(Random& random);
  // "AGE-SECRET-KEY-1…"; errors as above, and never with a part of the text.
  static Result<Identity> parse(std::string_view text);

  SecretText text() const;
  const Recipient& recipient() const { return recipient_; }
  const Secret<32>& secret() const { return secret_; }

 private:
  explicit Identity(const Secret<32>& secret)
      : secret_(secret), recipient_(x25519_public(secret)) {}
  Secret<32> secret_;
  Recipient recipient_;
};

}  // namespace walkback::crypto
