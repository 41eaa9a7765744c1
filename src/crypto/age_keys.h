// How age derives and wraps keys. Internal to crypto: age_header.cc writes and age_header_parser.cc
// reads with it.
#pragma once

#include <optional>

#include "crypto/age_header.h"

namespace walkback::crypto {

using FileKey = Secret<16>;

inline constexpr std::string_view kVersionLine = "age-encryption.org/v1\n";
inline constexpr std::string_view kStanzaStart = "-> ";
inline constexpr std::string_view kX25519 = "X25519";
inline constexpr std::string_view kMacStart = "---";
inline constexpr size_t kBodyColumns = 64;

// The key that wraps a file key. (C2SP age.md, "X25519 recipient stanza")
Secret<32> wrap_key(const Secret<32>& shared, const Point& share, const Recipient& recipient);
std::array<std::byte, 32> header_mac(const FileKey& file_key, std::string_view authenticated);
PayloadKey payload_key(const FileKey& file_key, ByteView nonce);

}  // namespace walkback::crypto
