#pragma once

#include <algorithm>
#include <vector>

namespace walkback {

// Sorts, and keeps one of each that are equal.
template <typename T>
void sort_unique(std::vector<T>& all) {
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
}

}  // namespace walkback
