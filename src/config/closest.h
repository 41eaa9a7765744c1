// The nearest known word to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace walkback::config {

// Nothing when no word of `known` is nearer than half of what was typed.
std::optional<std::string> closest(std::string_view typed, std::span<const std::string> known);

}  // namespace walkback::config
