// A chunk's nonce: its number in 11 bytes, big-endian, then 1 for the last chunk and 0 for others.
// So a chunk opens only in its own place, and the last one only as the last. (C2SP age.md,
// "Payload") Internal to crypto.
#pragma once

#include <cstdint>

#include "crypto/chacha20_poly1305.h"

namespace walkback::crypto {

inline Nonce chunk_nonce(uint64_t number, bool last) {
  Nonce nonce{};
  for (size_t i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::byte>(number >> (8 * i));
  nonce[11] = last ? std::byte{1} : std::byte{0};
  return nonce;
}

}  // namespace walkback::crypto
