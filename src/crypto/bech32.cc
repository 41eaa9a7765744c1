#include "crypto/bech32.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace walkback::crypto {
namespace {

constexpr std::string_view kLetters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr size_t kChecksumLetters = 6;

constexpr bool is_upper(char letter) { return letter >= 'A' && letter <= 'Z'; }
constexpr bool is_lower(char letter) { return letter >= 'a' && letter <= 'z'; }
constexpr char to_lower(char letter) {
  return is_upper(letter) ? static_cast<char>(letter - 'A' + 'a') : letter;
}
constexpr char to_upper(char letter) {
  return is_lower(letter) ? static_cast<char>(letter - 'a' + 'A') : letter;
}

// The BCH code of BIP 173, "Checksum".
class Checksum {
 public:
  explicit Checksum(std::string_view prefix) {
    for (const char letter : prefix) add(static_cast<uint32_t>(to_lower(letter)) >> 5);
    add(0);
    for (const char letter : prefix) add(static_cast<uint32_t>(to_lower(letter)) & 31);
  }

  void add(uint32_t five_bits) {
    constexpr std::array<uint32_t, 5> kGenerator = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
                                                    0x2a1462b3};
    const uint32_t top = state_ >> 25;
    state_ = (state_ & 0x1ffffff) << 5 ^ five_bits;
    for (size_t i = 0; i < kGenerator.size(); ++i) {
      if ((top >> i & 1) != 0) state_ ^= kGenerator[i];
    }
  }

  // After the checksum's own letters were added.
  bool holds() const { return state_ == 1; }

  // The checksum of what was added so far.
  std::array<uint32_t, kChecksumLetters> letters() const {
    Checksum end = *this;
    for (size_t i = 0; i < kChecksumLetters; ++i) end.add(0);
    std::array<uint32_t, kChecksumLetters> letters;
    for (size_t i = 0; i < kChecksumLetters; ++i) {
      letters[i] = (end.state_ ^ 1) >> (5 * (kChecksumLetters - 1 - i)) & 31;
    }
    return letters;
  }

 private:
  uint32_t state_ = 1;
};

Error malformed(std::string why) {
  return make_error(ErrorKind::kInvalid, std::move(why), "copy the key again, all of it");
}

}  // namespace

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(),
                    [](char a, char b) { return to_lower(a) == to_lower(b); });
}

std::string encode_bech32(std::string_view prefix, ByteView data) {
  std::string text;
  text.reserve(bech32_size(prefix.size(), data.size()));  // no copy is left behind by growing
  text.append(prefix).append("1");
  Checksum checksum(prefix);
  const auto put = [&](uint32_t five_bits) {
    checksum.add(five_bits);
    text += kLetters[five_bits];
  };
  uint32_t bits = 0;
  int count = 0;
  for (const std::byte byte : data) {
    bits = bits << 8 | std::to_integer<uint32_t>(byte);
    for (count += 8; count >= 5; count -= 5) put(bits >> (count - 5) & 31);
  }
  if (count > 0) put(bits << (5 - count) & 31);
  for (const uint32_t five_bits : checksum.letters()) text += kLetters[five_bits];
  if (std::any_of(prefix.begin(), prefix.end(), is_upper)) {
    std::transform(text.begin(), text.end(), text.begin(), to_upper);
  }
  return text;
}

Result<void> decode_bech32(std::string_view prefix, std::string_view text, MutableBytes data) {
  if (std::any_of(text.begin(), text.end(), is_upper) &&
      std::any_of(text.begin(), text.end(), is_lower)) {
    return malformed("the key mixes capital and small letters");
  }
  const std::string start = std::string(prefix) + "1";
  if (!starts_with_ignoring_case(text, start)) {
    return malformed("the key does not begin with " + start);
  }
  const size_t expected = bech32_size(prefix.size(), data.size());
  if (text.size() != expected) {
    return malformed("the key has " + std::to_string(text.size()) + " characters where " +
                     std::to_string(expected) + " belong");
  }
  Checksum checksum(prefix);
  uint32_t bits = 0;
  int count = 0;
  size_t filled = 0;
  const std::string_view letters = text.substr(start.size());
  for (size_t i = 0; i < letters.size(); ++i) {
    const size_t five_bits = kLetters.find(to_lower(letters[i]));
    if (five_bits == std::string_view::npos) {
      return malformed("the key has a character that does not occur in keys, at place " +
                       std::to_string(start.size() + i + 1));
    }
    checksum.add(static_cast<uint32_t>(five_bits));
    if (i >= letters.size() - kChecksumLetters) continue;
    bits = bits << 5 | static_cast<uint32_t>(five_bits);
    count += 5;
    if (count >= 8) {
      count -= 8;
      data[filled++] = static_cast<std::byte>(bits >> count);
    }
  }
  if (!checksum.holds()) return malformed("the key's checksum is wrong: it was mistyped");
  if ((bits & ((1U << count) - 1)) != 0) return malformed("the key ends in bits that must be zero");
  CHECK(filled == data.size());
  return success();
}

}  // namespace walkback::crypto
