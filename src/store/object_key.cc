#include <algorithm>

#include "store/object_store.h"

namespace walkback::store {
namespace {

constexpr size_t kMaxKeySize = 900;
constexpr size_t kMaxComponentSize = 255;  // NAME_MAX on Linux

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool is_component(std::string_view text) {
  return !text.empty() && text.size() <= kMaxComponentSize && text.front() != '.' &&
         std::ranges::all_of(text, is_key_character);
}

bool is_key(std::string_view text) {
  if (text.size() > kMaxKeySize) return false;
  for (;;) {
    size_t slash = text.find('/');
    if (!is_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

ObjectKey::ObjectKey(std::string text) : text_(std::move(text)) { CHECK(is_key(text_)); }

Result<ObjectKey> ObjectKey::parse(std::string_view text) {
  if (is_key(text)) return ObjectKey(std::string(text));
  return make_error(ErrorKind::kInvalid,
                    "\"" + std::string(text.substr(0, 100)) + "\" is not the name of an object");
}

}  // namespace walkback::store
