// Numbers keys in the order in which they first come: 0, 1, 2, …
#pragma once

#include <cstdint>
#include <vector>

namespace walkback::wal {

// Open addressing; for keys that nobody chose to collide. Neighbouring keys are neighbours in
// memory: transactions and blocks come in runs.
class FlatIndex {
 public:
  FlatIndex() : slots_(kFirstSlots, Slot{}) {}

  struct Found {
    uint32_t number;
    bool is_new;
  };
  Found find_or_add(uint64_t key) {
    for (size_t at = hash(key);; ++at) {
      Slot& slot = slots_[at & (slots_.size() - 1)];
      if (slot.number == kFree) {
        const auto number = static_cast<uint32_t>(keys_.size());
        slot = {key, number};
        keys_.push_back(key);
        if (keys_.size() * 2 > slots_.size()) grow();
        return {number, true};
      }
      if (slot.key == key) return {slot.number, false};
    }
  }
  const std::vector<uint64_t>& keys() const { return keys_; }  // by number

 private:
  static constexpr size_t kFirstSlots = 1024;
  static constexpr uint32_t kFree = UINT32_MAX;
  struct Slot {
    uint64_t key = 0;
    uint32_t number = kFree;
  };

  static uint64_t hash(uint64_t key) { return key + (key >> 32) * 0x9E3779B97F4A7C15ULL; }

  void grow() {
    slots_.assign(slots_.size() * 2, Slot{});
    for (uint32_t i = 0; i < keys_.size(); ++i) {
      size_t at = hash(keys_[i]);
      while (slots_[at & (slots_.size() - 1)].number != kFree) ++at;
      slots_[at & (slots_.size() - 1)] = {keys_[i], i};
    }
  }

  std::vector<uint64_t> keys_;
  std::vector<Slot> slots_;
};

}  // namespace walkback::wal
