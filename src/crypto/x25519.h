// Curve25519's Diffie-Hellman (RFC 7748) and the key derivation that age builds on it. Internal to
// crypto.
#pragma once

#include <array>
#include <string_view>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace walkback::crypto {

using Point = std::array<std::byte, 32>;

// X25519(secret, base point).
Point x25519_public(const Secret<32>& secret);

// X25519(secret, point). False when the result is all zeros: the point has low order, and whoever
// sent it knows the result without any key.
bool x25519_shared(const Secret<32>& secret, const Point& point, Secret<32>& shared);

// HKDF-SHA-256 (RFC 5869), 32 bytes of it. An empty salt is the RFC's default.
Secret<32> hkdf_sha256(ByteView key, ByteView salt, std::string_view info);

// HMAC-SHA-256 (RFC 2104).
std::array<std::byte, 32> hmac_sha256(ByteView key, ByteView message);

}  // namespace walkback::crypto
