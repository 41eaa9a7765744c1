#include "config/secrets.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace walkback::config {

namespace {

constexpr std::string_view kMask = "***";
// libpq's parameters that hold a secret themselves (passfile and sslkey only name a file).
constexpr std::array<std::string_view, 2> kSecretParameters{"password", "sslpassword"};

bool is_secret(std::string_view name) {
  return std::find(kSecretParameters.begin(), kSecretParameters.end(), name) !=
         kSecretParameters.end();
}

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }

bool is_uri(std::string_view text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

// postgresql://USER:SECRET@HOST/DB?name=SECRET&…: percent-encoded, so '@', '/' and '?' part it. A
// password with a raw '@' is cut at the last one before the path, which hides more, never less.
std::string mask_uri(std::string_view text) {
  size_t authority = text.find("//") + 2;
  size_t query = std::min(text.find('?', authority), text.size());
  size_t at = text.substr(0, query).rfind('@');
  std::string masked(text.substr(0, authority));
  size_t rest = authority;
  if (at != std::string_view::npos && at >= authority) {
    std::string_view login = text.substr(authority, at - authority);
    size_t colon = login.find(':');
    masked += login.substr(0, colon);
    if (colon != std::string_view::npos) masked.append(":").append(kMask);
    rest = at;
  }
  masked += text.substr(rest, query - rest);
  while (query < text.size()) {
    size_t end = std::min(text.find('&', query + 1), text.size());
    std::string_view pair = text.substr(query + 1, end - query - 1);
    size_t equals = std::min(pair.find('='), pair.size());
    masked += text[query];
    masked += pair.substr(0, equals);
    if (equals < pair.size()) {
      masked += '=';
      masked += is_secret(pair.substr(0, equals)) ? kMask : pair.substr(equals + 1);
    }
    query = end;
  }
  return masked;
}

// Where a value that begins at `from` ends: bare or in single quotes, with backslash escapes
// (conninfo_parse in src/interfaces/libpq/fe-connect.c).
size_t value_end(std::string_view text, size_t from) {
  bool quoted = from < text.size() && text[from] == '\'';
  size_t at = quoted ? from + 1 : from;
  while (at < text.size()) {
    if (text[at] == '\\') {
      at += 2;
      continue;
    }
    if (quoted ? text[at] == '\'' : is_space(text[at])) break;
    ++at;
  }
  return std::min(text.size(), quoted ? at + 1 : at);
}

std::string mask_pairs(std::string_view text) {
  std::string masked;
  size_t at = 0;
  while (at < text.size()) {
    size_t equals = text.find('=', at);
    if (equals == std::string_view::npos) break;
    std::string_view name = text.substr(at, equals - at);
    size_t value = equals + 1;
    while (value < text.size() && is_space(text[value])) ++value;
    size_t end = value_end(text, value);
    masked += text.substr(at, value - at);
    while (!name.empty() && is_space(name.front())) name.remove_prefix(1);
    while (!name.empty() && is_space(name.back())) name.remove_suffix(1);
    masked += is_secret(name) ? kMask : text.substr(value, end - value);
    at = end;
  }
  masked += text.substr(at);
  return masked;
}

}  // namespace

std::string mask_conninfo(std::string_view conninfo) {
  return is_uri(conninfo) ? mask_uri(conninfo) : mask_pairs(conninfo);
}

bool holds_password(std::string_view conninfo) { return mask_conninfo(conninfo) != conninfo; }

}  // namespace walkback::config
