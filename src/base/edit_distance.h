// How far a mistyped word is from a known one.
#pragma once

#include <cstddef>
#include <string_view>

namespace walkback {

// Insertions, deletions, substitutions and swaps of neighbours that turn one word into the other.
// Takes the product of their lengths in time: for words, not for texts.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace walkback
