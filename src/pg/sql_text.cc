#include "pg/sql_text.h"

namespace walkback::pg {

namespace {

// The quotes within it are doubled.
std::string in_quotes(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted + quote;
}

}  // namespace

std::string quote_literal(std::string_view text) { return in_quotes(text, '\''); }

std::string quote_identifier(std::string_view name) {
  const auto is_plain = [](char c, bool first) {
    return (c >= 'a' && c <= 'z') || c == '_' || (!first && ((c >= '0' && c <= '9') || c == '$'));
  };
  bool plain = !name.empty();
  for (size_t i = 0; i < name.size(); ++i) plain = plain && is_plain(name[i], i == 0);
  return plain ? std::string(name) : in_quotes(name, '"');
}

}  // namespace walkback::pg
