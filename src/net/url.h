// URLs, as far as talking to a server needs them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace walkback::net {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string
      authority;      // host, with the port where it is not the scheme's: as a Host header has it
  std::string path;   // begins with '/'; still encoded
  std::string query;  // without '?'; still encoded

  // The authority without port and brackets.
  std::string host() const;
  std::string text() const;
};

// http and https only; user information and fragments are refused: the first would put a password
// into logs. kInvalid, with the text only when it can hold no secret.
Result<Url> parse_url(std::string_view text);

enum class Slash { kKeep, kEncode };

// RFC 3986: everything but the unreserved characters becomes %XX, in upper case.
std::string percent_encode(std::string_view text, Slash slash);
// "%41" is 'A' and '+' is a space, as in a query; a '%' without two digits stands for itself.
std::string percent_decode(std::string_view text);

}  // namespace walkback::net
