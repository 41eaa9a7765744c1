// A set of (number, block) pairs that is added to a hundred thousand times for each segment of WAL
// and listed once.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "wal/flat_index.h"

namespace walkback::wal {

// Bits in chunks of 512 neighbouring blocks, a cache line each.
class BlockSet {
 public:
  void add(uint32_t number, uint32_t block) {
    const uint64_t key = uint64_t{number} << 32 | block / kChunkBlocks;
    Recent& recent = recent_[number % kRecent];
    if (key != recent.key) {
      const FlatIndex::Found found = index_.find_or_add(key);
      if (found.is_new) chunks_.emplace_back();
      recent = {key, found.number};
    }
    const uint32_t bit = block % kChunkBlocks;
    chunks_[recent.chunk][bit / 64] |= uint64_t{1} << bit % 64;
  }

  // In order of number and block.
  template <typename Visit>
  void for_each(Visit visit) const {
    std::vector<std::pair<uint64_t, uint32_t>> order;
    order.reserve(chunks_.size());
    for (const uint64_t key : index_.keys()) order.emplace_back(key, order.size());
    std::sort(order.begin(), order.end());
    for (const auto& [key, chunk] : order) {
      const auto number = static_cast<uint32_t>(key >> 32);
      const uint32_t first = static_cast<uint32_t>(key) * kChunkBlocks;
      for (uint32_t word = 0; word < chunks_[chunk].size(); ++word) {
        for (uint64_t bits = chunks_[chunk][word]; bits != 0; bits &= bits - 1) {
          visit(number, first + word * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
        }
      }
    }
  }

 private:
  static constexpr uint32_t kChunkBlocks = 512;
  using Chunk = std::array<uint64_t, kChunkBlocks / 64>;
  static constexpr size_t kRecent = 64;
  struct Recent {
    uint64_t key = UINT64_MAX;
    uint32_t chunk = 0;
  };

  FlatIndex index_;
  std::vector<Chunk> chunks_;
  std::array<Recent, kRecent> recent_;
};

}  // namespace walkback::wal
