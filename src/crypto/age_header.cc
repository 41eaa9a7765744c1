#include "crypto/age_header.h"

#include <openssl/crypto.h>

#include <utility>

#include "base/check.h"
#include "crypto/age_keys.h"
#include "crypto/base64.h"
#include "crypto/chacha20_poly1305.h"

namespace walkback::crypto {
namespace {

// age wraps with a nonce of zeros: a wrapping key is used once.
constexpr Nonce kWrapNonce{};

Error changed(std::string_view how) {
  return make_error(ErrorKind::kCorrupt, "the age header was changed: " + std::string(how));
}

std::string wrap(const FileKey& file_key, const Recipient& recipient, Random& random) {
  Secret<32> ephemeral;
  random.fill(ephemeral.bytes());
  const Point share = x25519_public(ephemeral);
  Secret<32> shared;
  CHECK(x25519_shared(ephemeral, recipient.point(), shared));  // parse() refused low order
  std::array<std::byte, 32> body;
  ChaCha20Poly1305(ChaCha20Poly1305::Direction::kSeal, wrap_key(shared, share, recipient))
      .seal(kWrapNonce, file_key.bytes(), body);
  return std::string(kStanzaStart) + std::string(kX25519) + " " + encode_base64(share) + "\n" +
         encode_base64(body) + "\n";
}

// Nothing: wrapped for somebody else.
std::optional<FileKey> open_body(const Secret<32>& key, ByteView body) {
  FileKey file_key;
  ChaCha20Poly1305 cipher(ChaCha20Poly1305::Direction::kOpen, key);
  if (!cipher.open(kWrapNonce, body, file_key.bytes())) return std::nullopt;
  return file_key;
}

Error no_key_fits(size_t identities) {
  return make_error(
      ErrorKind::kDenied,
      identities == 0
          ? std::string("it is encrypted, and there is no private key at hand")
          : "it is encrypted to none of the " + std::to_string(identities) + " keys at hand");
}

}  // namespace

Result<PayloadKey> Header::unwrap(std::span<const Identity> identities) const {
  if (needs_passphrase_) {
    return make_error(ErrorKind::kUnsupported, "it is encrypted with a passphrase, not to a key",
                      "age -d decrypts it");
  }
  for (const WrappedKey& wrapped : wrapped_keys_) {
    for (const Identity& identity : identities) {
      Secret<32> shared;
      if (!x25519_shared(identity.secret(), wrapped.share, shared)) {
        return changed("a share is of low order");
      }
      const std::optional<FileKey> file_key =
          open_body(wrap_key(shared, wrapped.share, identity.recipient()), wrapped.body);
      if (!file_key) continue;
      const auto mac = header_mac(*file_key, authenticated_);
      if (CRYPTO_memcmp(mac.data(), mac_.data(), mac.size()) != 0) {
        return changed("its MAC does not match");
      }
      return payload_key(*file_key, nonce_);
    }
  }
  return no_key_fits(identities.size());
}

NewHeader make_header(std::span<const Recipient> recipients, Random& random) {
  CHECK(!recipients.empty() && recipients.size() <= kMostRecipients);
  FileKey file_key;
  random.fill(file_key.bytes());
  std::string text(kVersionLine);
  for (const Recipient& recipient : recipients) text += wrap(file_key, recipient, random);
  text += kMacStart;
  text += " " + encode_base64(header_mac(file_key, text)) + "\n";

  std::array<std::byte, kNonceBytes> nonce;
  random.fill(nonce);
  NewHeader made{to_bytes(as_bytes(text)), payload_key(file_key, nonce)};
  made.bytes.insert(made.bytes.end(), nonce.begin(), nonce.end());
  CHECK(made.bytes.size() == payload_start(recipients.size()));
  return made;
}

}  // namespace walkback::crypto
