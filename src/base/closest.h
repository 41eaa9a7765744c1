// The nearest known word to a mistyped one.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace walkback {

// The shortest that begins with what was typed, else the one that is a third of its letters away or
// less: rather nothing than something absurd.
std::optional<std::string> closest(std::string_view typed, std::span<const std::string> known);

}  // namespace walkback
