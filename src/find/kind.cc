#include "find/kind.h"

#include <array>
#include <string>
#include <utility>

namespace walkback::find {

namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 5> kKinds = {{
    {Kind::kDelete, "delete"},
    {Kind::kUpdate, "update"},
    {Kind::kInsert, "insert"},
    {Kind::kTruncate, "truncate"},
    {Kind::kDrop, "drop"},
}};

}  // namespace

std::string_view kind_name(Kind kind) {
  for (const auto& [candidate, name] : kKinds) {
    if (candidate == kind) return name;
  }
  return "";
}

// In any case, as SQL has it.
std::optional<Kind> parse_kind(std::string_view given) {
  std::string text(given);
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  for (const auto& [kind, name] : kKinds) {
    if (name == text) return kind;
  }
  return std::nullopt;
}

}  // namespace walkback::find
