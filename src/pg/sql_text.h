// Text as SQL writes it.
#pragma once

#include <string>
#include <string_view>

namespace walkback::pg {

// 'it''s': for a server with standard_conforming_strings, the default since 9.1.
std::string quote_literal(std::string_view text);

}  // namespace walkback::pg
