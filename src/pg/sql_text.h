// Text as SQL writes it.
#pragma once

#include <string>
#include <string_view>

namespace walkback::pg {

// 'it''s': for a server with standard_conforming_strings, the default since 9.1.
std::string quote_literal(std::string_view text);

// payments, "Payments", "a""b": in double quotes where SQL would otherwise read another name, or
// none. Key words stand as they are: `pg_dump -t` and patterns take them so, SQL itself does not.
std::string quote_identifier(std::string_view name);

}  // namespace walkback::pg
