// Memory that is zero and takes none until it is written to: for large buffers. In huge pages where
// the kernel has them (Documentation/admin-guide/mm/transhuge.rst): to touch 16 MiB in pages of
// 4 KiB takes as long as to read them from the page cache.
#pragma once

#include <sys/mman.h>

#include "base/bytes.h"
#include "base/check.h"

namespace walkback {

class ZeroedMemory {
 public:
  explicit ZeroedMemory(size_t size) : size_(size), mapped_(size + kHugePage) {
    mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mapping_ != MAP_FAILED);
    const auto at = reinterpret_cast<uintptr_t>(mapping_);
    begin_ = reinterpret_cast<std::byte*>((at + kHugePage - 1) / kHugePage * kHugePage);
    madvise(begin_, size, MADV_HUGEPAGE);
  }
  ~ZeroedMemory() { munmap(mapping_, mapped_); }
  ZeroedMemory(const ZeroedMemory&) = delete;
  ZeroedMemory& operator=(const ZeroedMemory&) = delete;

  MutableBytes bytes() { return {begin_, size_}; }

 private:
  static constexpr size_t kHugePage = 2 << 20;
  const size_t size_;
  const size_t mapped_;
  void* mapping_ = nullptr;
  std::byte* begin_ = nullptr;
};

}  // namespace walkback
