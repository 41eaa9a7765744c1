// Random numbers that a seed repeats. Tests print the seed when they fail.
#pragma once

#include <mutex>
#include <random>

#include "base/random.h"

namespace walkback {

// Thread-safe; but threads that draw at once draw in an order no seed fixes: give each its own.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}

  void fill(MutableBytes out) override;
  // Evenly from 0 to limit - 1; limit is at least 1. (Its modulo bias is far below what a test can
  // see.)
  uint64_t below(uint64_t limit);
  bool percent(unsigned chance) { return below(100) < chance; }
  // `size` random bytes, which do not compress.
  Bytes bytes(size_t size);

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace walkback
