// The store of a generated cluster: packs of bulk segments are made when they are read, everything
// else is kept by the store beneath.
#pragma once

#include <array>
#include <memory>

#include "generated_cluster.h"
#include "repo/page_map.h"
#include "store/object_store.h"

namespace walkback {

// Every kind of frame that bulk segments are made of, as it would be stored.
class FrameKinds {
 public:
  FrameKinds();
  struct Kind {
    Bytes stored;
    codec::ContentHash hash;
    uint64_t stored_hash = 0;
    std::array<uint64_t, kFrameBlocks> page_hashes{};
  };
  const Kind& of(uint64_t segment, uint32_t frame) const {
    return kinds_[kind_of_frame(segment, frame)];
  }

 private:
  std::array<Kind, kKindsOfFrame> kinds_;
};

// Of segment `number`, as many earlier backups might have left it: every sixteenth has a run for
// each of its blocks.
repo::PageMap make_bulk_map(const FrameKinds& kinds, uint64_t number);
inline constexpr uint32_t kPacksOfSegment = kFramesOfSegment / kFramesInPack;
repo::PackId bulk_pack(uint64_t segment, uint32_t pack);

// Both outlive it.
std::unique_ptr<store::ObjectStore> make_generated_store(store::ObjectStore& beneath,
                                                         const FrameKinds& kinds);

}  // namespace walkback
