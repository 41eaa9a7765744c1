#include "crypto/age_keys.h"

#include <algorithm>

namespace walkback::crypto {

Secret<32> wrap_key(const Secret<32>& shared, const Point& share, const Recipient& recipient) {
  std::array<std::byte, 2 * sizeof(Point)> salt;
  std::copy(share.begin(), share.end(), salt.begin());
  std::copy(recipient.point().begin(), recipient.point().end(), salt.begin() + sizeof(Point));
  return hkdf_sha256(shared.bytes(), salt, "age-encryption.org/v1/X25519");
}

std::array<std::byte, 32> header_mac(const FileKey& file_key, std::string_view authenticated) {
  const Secret<32> key = hkdf_sha256(file_key.bytes(), {}, "header");
  return hmac_sha256(key.bytes(), as_bytes(authenticated));
}

PayloadKey payload_key(const FileKey& file_key, ByteView nonce) {
  return PayloadKey{hkdf_sha256(file_key.bytes(), nonce, "payload")};
}

}  // namespace walkback::crypto
