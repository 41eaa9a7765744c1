// The header of an age v1 file: the file's key, wrapped for each recipient. (C2SP age.md, "Header")
//
//   file   = header nonce payload
//   header = "age-encryption.org/v1" LF 1*stanza "--- " MAC LF
//   stanza = "-> " type *(" " argument) LF, the body in base 64, 64 columns, the last line shorter
//   nonce  = 16 bytes
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "crypto/keys.h"

namespace walkback::crypto {

inline constexpr size_t kNonceBytes = 16;
// Limits of ours; the format has none. 64 KiB of header are 668 recipients.
inline constexpr size_t kMostRecipients = 256;
inline constexpr size_t kMostHeaderBytes = 64 << 10;  // without the nonce

// Where the payload begins in a file for so many recipients: header and nonce.
constexpr uint64_t payload_start(size_t recipients) {
  return 22 + 98 * recipients + 48 + kNonceBytes;
}

// What the payload's chunks are encrypted with.
struct PayloadKey {
  Secret<32> key;
};

// A header that was read. A value; reading it needs no key.
class Header {
 public:
  // From the first bytes of a file. Nothing when more of the file is needed: payload_start() of the
  // recipients one knows of is enough at once, kMostHeaderBytes + kNonceBytes always.
  // kCorrupt: not an age file, or not as the specification demands; kUnsupported: another version,
  // or ASCII armor.
  static Result<std::optional<Header>> parse(ByteView start_of_file);

  // Header and nonce: the offset in the file at which the payload's first chunk begins.
  uint64_t payload_start() const { return payload_start_; }

  // With whichever of the identities fits. kDenied when none does; kUnsupported when a passphrase
  // is needed; kCorrupt when the header was changed after it was written.
  Result<PayloadKey> unwrap(std::span<const Identity> identities) const;

 private:
  struct WrappedKey {
    Point share;
    std::array<std::byte, 32> body;
  };
  friend class HeaderParser;
  Header() = default;

  std::vector<WrappedKey> wrapped_keys_;  // X25519 only; other types are passed over
  bool needs_passphrase_ = false;
  std::string authenticated_;  // what the MAC covers: up to and with "---"
  std::array<std::byte, 32> mac_{};
  std::array<std::byte, kNonceBytes> nonce_{};
  uint64_t payload_start_ = 0;
};

// A header for a new file, and the key for its payload.
struct NewHeader {
  Bytes bytes;  // header and nonce
  PayloadKey payload_key;
};
// For 1 to kMostRecipients recipients; fresh keys from `random`.
NewHeader make_header(std::span<const Recipient> recipients, Random& random);

}  // namespace walkback::crypto
