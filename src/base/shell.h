// Text that a person, or a server, hands to a POSIX shell.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace walkback {

// One word, quoted where it must be.
inline std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/._-+:@%,=").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string word = "'";
  for (char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

}  // namespace walkback
