// Memory that is zero and takes none until it is written to: for buffers of which only a part is
// used.
#pragma once

#include <sys/mman.h>

#include "base/bytes.h"
#include "base/check.h"

namespace walkback {

class ZeroedMemory {
 public:
  explicit ZeroedMemory(size_t size) : size_(size) {
    if (size == 0) return;
    memory_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory_ != MAP_FAILED);
  }
  ~ZeroedMemory() {
    if (memory_ != nullptr) munmap(memory_, size_);
  }
  ZeroedMemory(const ZeroedMemory&) = delete;
  ZeroedMemory& operator=(const ZeroedMemory&) = delete;

  MutableBytes bytes() { return {static_cast<std::byte*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  const size_t size_;
};

}  // namespace walkback
