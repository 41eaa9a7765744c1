// Lines of key files and secret texts in the making. Internal to keys.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "crypto/secret.h"

namespace walkback::keys {

// Takes the next line from `text`, without its end and the blanks around it.
inline std::string_view next_line(std::string_view& text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  const size_t first = line.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlank) - first + 1);
}

// The parts one after another. Room is made first: a string that grows leaves copies behind.
inline crypto::SecretText joined_secret(std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const std::string_view part : parts) text += part;
  return crypto::SecretText(std::move(text));
}

}  // namespace walkback::keys
