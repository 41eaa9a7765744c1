// Randomness as a parameter: the kernel's in production, a seeded generator in tests.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"

namespace walkback {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes out) = 0;
  uint64_t next_u64();
  // `bytes` random bytes in hexadecimal, for names that must not collide.
  std::string hex(size_t bytes);
};

// getrandom(2). Lives for the whole program.
Random& system_random();

}  // namespace walkback
