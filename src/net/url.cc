#include "net/url.h"

#include <algorithm>

#include "base/whole_number.h"

namespace walkback::net {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

bool is_host_character(char c) { return is_unreserved(c) || c == ':' || c == '[' || c == ']'; }

// Printable ASCII without what would end a request line or begin another part.
bool is_path_character(char c) { return c > ' ' && c < 0x7f && c != '#'; }

std::optional<int> hex_byte(std::string_view digits) { return whole_number<int>(digits, 16); }

Error not_a_url(std::string_view why) {
  return make_error(ErrorKind::kInvalid, "the URL " + std::string(why),
                    "a URL is written https://host or http://host:port, without user or password");
}

// A scheme's own port is left out, as in a Host header.
std::string without_default_port(std::string_view scheme, std::string_view authority) {
  std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  return std::string(authority);
}

}  // namespace

std::string Url::host() const {
  std::string_view text = authority;
  if (text.starts_with('[')) return std::string(text.substr(1, text.find(']') - 1));
  return std::string(text.substr(0, text.find(':')));
}

std::string Url::text() const {
  return scheme + "://" + authority + path + (query.empty() ? "" : "?" + query);
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  size_t colon = text.find("://");
  if (colon == std::string_view::npos) return not_a_url("has no scheme");
  url.scheme = text.substr(0, colon);
  if (url.scheme != "http" && url.scheme != "https") return not_a_url("is neither http nor https");
  std::string_view rest = text.substr(colon + 3);
  size_t path = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, path);
  if (authority.find('@') != std::string_view::npos) return not_a_url("holds a user or password");
  if (authority.empty() || !std::ranges::all_of(authority, is_host_character)) {
    return not_a_url("has no usable host");
  }
  url.authority = without_default_port(url.scheme, authority);
  rest = path == std::string_view::npos ? "" : rest.substr(path);
  if (!std::ranges::all_of(rest, is_path_character)) return not_a_url("has a path with odd bytes");
  size_t query = rest.find('?');
  url.path = rest.substr(0, query);
  if (query != std::string_view::npos) url.query = rest.substr(query + 1);
  if (url.path.empty()) url.path = "/";
  return url;
}

std::string percent_encode(std::string_view text, Slash slash) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (char c : text) {
    if (is_unreserved(c) || (c == '/' && slash == Slash::kKeep)) {
      encoded += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    encoded += '%';
    encoded += kDigits[byte >> 4];
    encoded += kDigits[byte & 15];
  }
  return encoded;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    std::optional<int> byte;
    if (text[i] == '%' && text.size() - i > 2) byte = hex_byte(text.substr(i + 1, 2));
    if (byte) i += 2;
    decoded += byte ? static_cast<char>(*byte) : (text[i] == '+' ? ' ' : text[i]);
  }
  return decoded;
}

}  // namespace walkback::net
