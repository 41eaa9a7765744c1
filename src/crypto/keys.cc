#include "crypto/keys.h"

#include "crypto/bech32.h"

namespace walkback::crypto {
namespace {

constexpr std::string_view kRecipientPrefix = "age";
constexpr std::string_view kIdentityPrefix = "AGE-SECRET-KEY-";

// What other keys look like, and what to do about it.
struct OtherKey {
  std::string_view start;
  ErrorKind kind;
  const char* message;
  const char* hint;
};
constexpr const char* kMakeOne = "age-keygen makes an X25519 key";

Result<void> refuse_known(std::string_view text, std::initializer_list<OtherKey> others) {
  for (const OtherKey& other : others) {
    if (starts_with_ignoring_case(text, other.start)) {
      return make_error(other.kind, other.message, other.hint);
    }
  }
  return success();
}

// Of age's other types and plugins: "age1NAME1…". The data of an X25519 key has no '1', but a hand
// may have typed one for an l: then the length is right.
bool is_other_age_type(std::string_view text) {
  const size_t last_one = text.rfind('1');
  return starts_with_ignoring_case(text, "age1") && last_one > kRecipientPrefix.size() &&
         text.size() != bech32_size(kRecipientPrefix.size(), sizeof(Point));
}

// Every scalar of X25519 is a multiple of 8, so any of them tells.
bool has_low_order(const Point& point) {
  Secret<32> any;
  any.bytes()[0] = std::byte{8};
  Secret<32> shared;
  return !x25519_shared(any, point, shared);
}

}  // namespace

Result<Recipient> Recipient::parse(std::string_view text) {
  TRY(refuse_known(
      text, {{"AGE-SECRET-KEY-", ErrorKind::kInvalid, "this is a private key, not a recipient",
              "age-keygen -y prints the recipient of a key file; replace a key that was shown"},
             {"AGE-PLUGIN-", ErrorKind::kInvalid, "this is a private key, not a recipient", ""},
             {"ssh-", ErrorKind::kUnsupported, "SSH keys cannot be recipients", kMakeOne}}));
  if (is_other_age_type(text)) {
    return make_error(ErrorKind::kUnsupported,
                      "recipients of age plugins and post-quantum recipients are not supported",
                      kMakeOne);
  }
  Point point;
  TRY(decode_bech32(kRecipientPrefix, text, point));
  if (has_low_order(point)) {
    return make_error(ErrorKind::kInvalid, "this recipient is no public key: anybody could decrypt",
                      kMakeOne);
  }
  return Recipient(point);
}

std::string Recipient::text() const { return encode_bech32(kRecipientPrefix, point_); }

Identity Identity::generate(Random& random) {
  Secret<32> secret;
  random.fill(secret.bytes());
  return Identity(secret);
}

Result<Identity> Identity::parse(std::string_view text) {
  TRY(refuse_known(
      text,
      {{"age1", ErrorKind::kInvalid, "this is a recipient, the public half of a key",
        "give the file with the private key, AGE-SECRET-KEY-1…"},
       {"AGE-PLUGIN-", ErrorKind::kUnsupported, "keys of age plugins are not supported", kMakeOne},
       {"AGE-SECRET-KEY-PQ-", ErrorKind::kUnsupported, "post-quantum age keys are not supported",
        kMakeOne}}));
  Secret<32> secret;
  TRY(decode_bech32(kIdentityPrefix, text, secret.bytes()));
  return Identity(secret);
}

SecretText Identity::text() const {
  return SecretText(encode_bech32(kIdentityPrefix, secret_.bytes()));
}

}  // namespace walkback::crypto
