#include "pg/setting_scanner.h"

#include <algorithm>

namespace walkback::pg {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_letter(char c) {
  return is_ascii_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) { return is_letter(c) || is_digit(c); }
bool is_unquoted(char c) {
  return is_word(c) || std::string_view("-._:/").find(c) != std::string_view::npos;
}
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// How many characters from `at` on satisfy `predicate`.
template <typename Predicate>
size_t run(std::string_view text, size_t at, Predicate predicate) {
  size_t end = at;
  while (end < text.size() && predicate(text[end])) ++end;
  return end - at;
}

// Length of an integer with its unit, or 0: [+-] (digits | 0x hex) letters.
size_t integer_length(std::string_view text) {
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  const size_t digits = run(text, sign, is_digit);
  if (digits == 0) return 0;
  size_t end = sign + digits;
  // "0x1F": longer than the digit 0 with the unit "x".
  if (digits == 1 && text[sign] == '0' && end + 1 < text.size() && text[end] == 'x' &&
      is_hex(text[end + 1])) {
    end += 1 + run(text, end + 1, is_hex);
  }
  return end + run(text, end, is_ascii_letter);
}

// Length of [+-] digits . digits [exponent], or 0.
size_t real_length(std::string_view text) {
  const size_t sign = !text.empty() && (text[0] == '+' || text[0] == '-') ? 1 : 0;
  size_t end = sign + run(text, sign, is_digit);
  if (end >= text.size() || text[end] != '.') return 0;
  ++end;
  end += run(text, end, is_digit);
  if (end >= text.size() || (text[end] != 'e' && text[end] != 'E')) return end;
  size_t exponent = end + 1;
  if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
  const size_t digits = run(text, exponent, is_digit);
  return digits == 0 ? end : exponent + digits;
}

}  // namespace

SettingToken SettingScanner::take(SettingToken::Kind kind, size_t length) {
  const std::string_view text = rest_.substr(0, length);
  rest_.remove_prefix(length);
  return {kind, text};
}

SettingToken SettingScanner::next() {
  rest_.remove_prefix(run(rest_, 0, [](char c) { return c == ' ' || c == '\t' || c == '\r'; }));
  if (rest_.empty() || rest_[0] == '#') return {SettingToken::kEnd, {}};
  if (rest_[0] == '=') return take(SettingToken::kEquals, 1);
  if (rest_[0] == '\'') return quoted();
  if (is_letter(rest_[0])) return word();
  return number();
}

SettingToken SettingScanner::quoted() {
  size_t end = 1;
  while (end < rest_.size()) {
    if (rest_[end] == '\\') {
      end += 2;
    } else if (rest_[end] != '\'') {
      ++end;
    } else if (end + 1 < rest_.size() && rest_[end + 1] == '\'') {
      end += 2;
    } else {
      return take(SettingToken::kQuoted, end + 1);
    }
  }
  return take(SettingToken::kBad, 1);
}

SettingToken SettingScanner::number() {
  const size_t length = std::max(integer_length(rest_), real_length(rest_));
  return length == 0 ? take(SettingToken::kBad, 1) : take(SettingToken::kUnquoted, length);
}

// The longest match wins: "a.b" is a qualified name, "a.b.c" and "a-b" are unquoted strings.
SettingToken SettingScanner::word() {
  const size_t unquoted = run(rest_, 0, is_unquoted);
  const size_t name = run(rest_, 0, is_word);
  if (name == unquoted) return take(SettingToken::kName, name);
  size_t qualified = 0;
  if (rest_[name] == '.' && name + 1 < rest_.size() && is_letter(rest_[name + 1])) {
    qualified = name + 1 + run(rest_, name + 1, is_word);
  }
  if (qualified == unquoted) return take(SettingToken::kQualifiedName, qualified);
  return take(SettingToken::kUnquoted, unquoted);
}

std::string unquote_setting(std::string_view quoted) {
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  std::string value;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\'') ++i;  // doubled
    if (inner[i] != '\\' || i + 1 == inner.size()) {
      value += inner[i];
      continue;
    }
    ++i;
    if (const size_t known = std::string_view("bfnrt").find(inner[i]);
        known != std::string_view::npos) {
      value += "\b\f\n\r\t"[known];
      continue;
    }
    const size_t octal =
        std::min<size_t>(3, run(inner, i, [](char c) { return c >= '0' && c <= '7'; }));
    if (octal == 0) {
      value += inner[i];
      continue;
    }
    unsigned code = 0;
    for (size_t end = i + octal; i < end; ++i)
      code = code * 8 + static_cast<unsigned>(inner[i] - '0');
    value += static_cast<char>(code);
    --i;
  }
  return value;
}

}  // namespace walkback::pg
