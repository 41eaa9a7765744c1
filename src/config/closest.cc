#include "config/closest.h"

#include "base/edit_distance.h"

namespace walkback::config {

namespace {

// Typed words come from outside; a longer one is no typing mistake.
constexpr size_t kLongestWord = 100;

}  // namespace

std::optional<std::string> closest(std::string_view typed, std::span<const std::string> known) {
  if (typed.size() > kLongestWord) return std::nullopt;
  std::optional<std::string> best;
  size_t least = typed.size() / 2 + 1;
  for (const std::string& word : known) {
    size_t distance = edit_distance(typed, word);
    if (distance < least) {
      least = distance;
      best = word;
    }
  }
  return best;
}

}  // namespace walkback::config
