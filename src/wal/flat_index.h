// Numbers keys in the order in which they first come: 0, 1, 2, …
#pragma once

#include <cstdint>
#include <vector>

namespace walkback::wal {

// Open addressing; for keys that nobody chose to collide.
class FlatIndex {
 public:
  FlatIndex() : slots_(kFirstSlots) {}

  struct Found {
    uint32_t number;
    bool is_new;
  };
  Found find_or_add(uint64_t key) {
    for (size_t at = hash(key);; ++at) {
      uint32_t& slot = slots_[at & (slots_.size() - 1)];
      if (slot == 0) {
        keys_.push_back(key);
        const auto number = static_cast<uint32_t>(keys_.size() - 1);
        slot = number + 1;
        if (keys_.size() * 2 > slots_.size()) grow();
        return {number, true};
      }
      if (keys_[slot - 1] == key) return {slot - 1, false};
    }
  }
  const std::vector<uint64_t>& keys() const { return keys_; }  // by number

 private:
  static constexpr size_t kFirstSlots = 1024;

  static uint64_t hash(uint64_t key) { return key * 0x9E3779B97F4A7C15ULL >> 24; }

  void grow() {
    slots_.assign(slots_.size() * 2, 0);
    for (uint32_t i = 0; i < keys_.size(); ++i) {
      size_t at = hash(keys_[i]);
      while (slots_[at & (slots_.size() - 1)] != 0) ++at;
      slots_[at & (slots_.size() - 1)] = i + 1;
    }
  }

  std::vector<uint64_t> keys_;
  std::vector<uint32_t> slots_;  // a number + 1; 0 for none
};

}  // namespace walkback::wal
