// What --kind means.
#pragma once

#include <optional>
#include <string_view>

namespace walkback::find {

enum class Kind { kDelete, kUpdate, kInsert, kTruncate, kDrop };
std::string_view kind_name(Kind kind);  // "delete", …
std::optional<Kind> parse_kind(std::string_view name);

}  // namespace walkback::find
