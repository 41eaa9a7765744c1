// A pack's bytes against what the maps say is in it. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/frame.h"

namespace walkback::verify {

// What a map says of one frame.
struct NamedFrame {
  uint32_t offset = 0;
  uint32_t length = 0;
  uint32_t content_bytes = 0;
  codec::ContentHash hash;
  uint64_t stored_hash = 0;  // 0 for a frame of page maps, of which none is kept
  auto operator<=>(const NamedFrame&) const = default;
};

uint32_t fingerprint(const NamedFrame& frame);

enum class PackOf { kPages, kMaps };

// One thread at a time; keeps its memory from pack to pack.
class PackChecker {
 public:
  // Every frame of the pack, from its first byte to its last, decodes to what its own checksum
  // says; every one of `named` is one of them, and is what the maps say. kCorrupt says where it is
  // not.
  Result<void> check(ByteView pack, PackOf of, std::span<const NamedFrame> named);

 private:
  Result<ByteView> decode(ByteView frame, uint32_t content_bytes);

  codec::FrameDecoder decoder_;
  Bytes content_;
};

}  // namespace walkback::verify
