#include "base/closest.h"

#include <algorithm>

#include "base/edit_distance.h"

namespace walkback {

namespace {

// Typed words come from outside; a longer one is no typing mistake.
constexpr size_t kLongestWord = 100;

}  // namespace

std::optional<std::string> closest(std::string_view typed, std::span<const std::string> known) {
  if (typed.size() > kLongestWord) return std::nullopt;
  constexpr size_t kShortestPrefix = 2;
  const size_t dashes = std::min(typed.find_first_not_of('-'), typed.size());
  const size_t letters = typed.size() - dashes;
  std::optional<std::string> best;
  for (const std::string& word : known) {
    const bool begins = letters >= kShortestPrefix && word.starts_with(typed);
    if (begins && (!best || word.size() < best->size())) best = word;
  }
  if (best) return best;
  size_t least = std::max<size_t>(1, letters / 3) + 1;
  for (const std::string& word : known) {
    const size_t distance = edit_distance(typed, word);
    if (distance >= least) continue;
    least = distance;
    best = word;
  }
  return best;
}

}  // namespace walkback
