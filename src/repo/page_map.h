// Page maps: where each block of one file lies.
//
// Frames hold runs of blocks; the map's runs say which blocks of the file are which blocks of which
// frame. In a full backup run i is frame i; an incremental backup points unchanged blocks at older
// frames. So a reader needs one map, however many backups lie behind it. A file that is no multiple
// of the block size ends in a short block.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/frame.h"
#include "repo/pack.h"

namespace walkback::repo {

// Above what any writer makes (pipeline: 1 MiB), below what a reader's memory would feel.
inline constexpr uint32_t kLargestFrameContent = 16 << 20;
inline constexpr uint32_t kLargestFrameStored = kLargestFrameContent + (kLargestFrameContent >> 4);

struct Frame {
  FrameLocation location;
  uint32_t content_bytes = 0;  // before compression
  codec::ContentHash hash;     // of the content
  uint64_t stored_hash = 0;    // codec::hash_frame() of the bytes in the pack
};

struct Run {
  uint32_t first_block = 0;  // in the file
  uint32_t block_count = 0;
  uint32_t frame = 0;        // index into PageMap::frames
  uint32_t frame_block = 0;  // where in the frame the run begins, in blocks
  bool operator==(const Run&) const = default;
};

struct PageMap {
  uint64_t file_bytes = 0;
  uint32_t block_bytes = 8192;
  std::vector<Frame> frames;
  std::vector<Run> runs;  // in order of first_block; together they cover every block exactly once
  // XXH3-64 of each block, in order; empty for files that are not relations.
  std::vector<uint64_t> page_hashes;
  // Of each page without what PostgreSQL changes unlogged (pg/page_mask.h), so that a page of which
  // WAL says nothing can be compared: the lower 32 bits of its XXH3-64; 0 where it is not known.
  // Empty, or as many as page_hashes.
  std::vector<uint32_t> masked_hashes;

  uint32_t block_count() const {
    return static_cast<uint32_t>((file_bytes + block_bytes - 1) / block_bytes);
  }
};

// Protocol Buffers (page_map.proto), columns delta-coded and packed; packs are named once in a
// table. CHECKs what decode_page_map() checks: a broken map never leaves this program.
Bytes encode_page_map(const PageMap& map);
// Hostile bytes: a map whose runs overlap, leave holes, or point outside their frames is kCorrupt.
Result<PageMap> decode_page_map(ByteView bytes);

}  // namespace walkback::repo
