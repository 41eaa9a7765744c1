// Base 64 as age headers have it: RFC 4648 section 4 without padding, one encoding for each value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace walkback::crypto {

std::string encode_base64(ByteView bytes);

// Nothing for a character outside the alphabet, padding, an impossible length, or bits that an
// encoder would have left zero (RFC 4648 section 3.5): two texts never mean the same bytes.
std::optional<Bytes> decode_base64(std::string_view text);

// The length of encode_base64()'s text.
constexpr size_t base64_size(size_t bytes) { return (bytes * 4 + 2) / 3; }

}  // namespace walkback::crypto
