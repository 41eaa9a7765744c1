// Text whose encoding is not known.
#pragma once

#include <string>
#include <string_view>

namespace walkback {

// As it is where it is UTF-8; each byte that is not part of any becomes "\xE9".
std::string escape_invalid_utf8(std::string_view text);

}  // namespace walkback
