#include "base/testing/seeded_random.h"

#include <algorithm>

namespace walkback {

void SeededRandom::fill(MutableBytes out) {
  std::lock_guard lock(mutex_);
  while (!out.empty()) {
    uint64_t value = engine_();
    size_t size = std::min(out.size(), sizeof value);
    std::memcpy(out.data(), &value, size);
    out = out.subspan(size);
  }
}

uint64_t SeededRandom::below(uint64_t limit) {
  std::lock_guard lock(mutex_);
  return engine_() % limit;
}

Bytes SeededRandom::bytes(size_t size) {
  Bytes out(size);
  fill(out);
  return out;
}

}  // namespace walkback
