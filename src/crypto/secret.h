// Memory for keys: wiped before it is given back, never printed, never part of an error.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace walkback::crypto {

// Zeros that no optimizer takes away (OPENSSL_cleanse).
void wipe(MutableBytes bytes);

// Key material of a fixed size. Copies are wiped too, each when it dies.
template <size_t kSize>
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { wipe(bytes_); }

  MutableBytes bytes() { return bytes_; }
  ByteView bytes() const { return bytes_; }

 private:
  std::array<std::byte, kSize> bytes_{};
};

// A secret key as text, on its way into a key file. Not an std::string: that leaves what is short
// behind when it moves.
class SecretText {
 public:
  // Wipes `text`.
  explicit SecretText(std::string&& text) : text_(text.begin(), text.end()) {
    wipe(std::as_writable_bytes(std::span(text)));
  }
  SecretText(SecretText&&) noexcept = default;
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);  // what was here is wiped when `other` dies
    return *this;
  }
  ~SecretText() { wipe(std::as_writable_bytes(std::span(text_))); }

  std::string_view view() const { return {text_.data(), text_.size()}; }

 private:
  std::vector<char> text_;
};

}  // namespace walkback::crypto
