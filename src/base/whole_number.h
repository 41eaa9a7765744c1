// A whole text as one number: nothing before it, nothing behind it.
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace walkback {

// Nothing for a text that is empty, out of T's range, or anything else: a space, a '+', "12 MB". A
// '-' is for signed types alone.
template <std::integral T>
std::optional<T> whole_number(std::string_view text, int base = 10) {
  T value{};
  const char* const end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, value, base);
  if (error != std::errc() || end != end_of_text) return std::nullopt;
  return value;
}

// As above; also what is written with an exponent, "inf" and "nan".
template <std::floating_point T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const char* const end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, value);
  if (error != std::errc() || end != end_of_text) return std::nullopt;
  return value;
}

}  // namespace walkback
