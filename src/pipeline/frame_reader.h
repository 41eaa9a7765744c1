// Frames of a file out of packs: fetched, checked, decoded. What a restore and a reader on demand
// have in common, so that both take nothing that is not what was stored.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/frame.h"
#include "repo/pack.h"
#include "repo/page_map.h"

namespace walkback::pipeline {

// A frame and the runs of the file that are taken from it, in the file's order.
struct WantedFrame {
  uint32_t frame = 0;  // index into the map's frames
  std::vector<repo::Run> runs{};
};

// Which runs of a file use which frame. A value; may not outlive its map.
class RunsByFrame {
 public:
  explicit RunsByFrame(const repo::PageMap& map);
  // The frames that are used, in the order in which the file first needs them.
  const std::vector<uint32_t>& frames() const { return frames_; }
  WantedFrame use_of(uint32_t frame) const;

 private:
  const repo::PageMap* map_;
  std::vector<uint32_t> runs_;        // indexes of runs, those of one frame together
  std::vector<uint32_t> runs_begin_;  // of each frame, in runs_; and one more: the end
  std::vector<uint32_t> frames_;
};

// Is given the content of a run of which the frame was found to be what was stored.
using TakeRun = std::function<Result<void>(const repo::Run& run, ByteView content)>;

// One thread's buffers and decompressor.
class FrameReader {
 public:
  explicit FrameReader(repo::PackReader& packs) : packs_(packs) {}

  // All of them, neighbours with one read, in the packs' order. Every frame is checked against its
  // hash before a byte of it is given away; where only pages of its beginning are wanted, its
  // stored bytes and each of these pages are. kCorrupt names the pack. Returns the bytes fetched.
  Result<uint64_t> read(const repo::PageMap& map, std::vector<WantedFrame> uses,
                        const TakeRun& take);

 private:
  Result<void> read_range(const repo::PageMap& map, std::span<const WantedFrame> uses,
                          const TakeRun& take);
  Result<void> take_frame(const repo::PageMap& map, const WantedFrame& use, ByteView stored,
                          const TakeRun& take);

  repo::PackReader& packs_;
  codec::FrameDecoder decoder_;
  Bytes range_;    // frames as stored
  Bytes content_;  // of one frame
};

}  // namespace walkback::pipeline
