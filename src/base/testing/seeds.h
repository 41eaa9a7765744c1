// Which seeds a seeded test runs: a few by default, many in a soak.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace walkback {

struct Seeds {
  uint64_t first = 1;
  uint64_t count = 1;
  uint64_t end() const { return first + count; }
};

// WALKBACK_SEEDS says how many, WALKBACK_FIRST_SEED where they begin (a failed test names its
// seed).
inline Seeds test_seeds(uint64_t default_count) {
  auto number = [](const char* name, uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::stoull(text);
  };
  return {number("WALKBACK_FIRST_SEED", 1), number("WALKBACK_SEEDS", default_count)};
}

}  // namespace walkback
