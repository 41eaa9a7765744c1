// Bech32 (BIP 173, without its limit on the length): the text of keys, with a checksum that finds
// what a hand or a clipboard did to them.
//
//   bech32 = prefix "1" data checksum      data: 5 bits a letter; all letters of one case
//
// Works without buffers of its own, so that decoding a secret leaves no copy behind.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace walkback::crypto {

// In the case of `prefix`, which is one of lower or upper.
std::string encode_bech32(std::string_view prefix, ByteView data);

// Fills `data`, whose size is known, from a text that must have this prefix (in either case, as
// BIP 173 has it). kInvalid says which of these it was: mixed case, another prefix, another length,
// a letter that does not occur, a wrong checksum. Never quotes the text, which may be a secret.
Result<void> decode_bech32(std::string_view prefix, std::string_view text, MutableBytes data);

// "prefix", "1", the data and the checksum.
constexpr size_t bech32_size(size_t prefix, size_t bytes) {
  return prefix + 1 + (bytes * 8 + 4) / 5 + 6;
}

// ASCII letters only; the texts of keys have no others.
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

}  // namespace walkback::crypto
