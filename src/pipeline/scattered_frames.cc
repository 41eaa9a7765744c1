#include "pipeline/scattered_frames.h"

#include <algorithm>

namespace walkback::pipeline {

namespace {
constexpr uint32_t kThin = 4;       // a frame's blocks to those of use
constexpr uint32_t kScattered = 4;  // all frames' blocks to the file's
}  // namespace

std::vector<uint32_t> frames_to_empty(const std::vector<FrameUse>& frames, uint32_t file_blocks,
                                      uint32_t full_frame, uint32_t changed) {
  std::vector<uint32_t> thin;
  uint64_t held = 0;
  uint64_t in_thin = 0;
  for (uint32_t i = 0; i < frames.size(); ++i) {
    if (frames[i].of_use == 0) continue;
    held += frames[i].blocks;
    if (uint64_t{frames[i].of_use} * kThin >= full_frame) continue;
    in_thin += frames[i].of_use;
    thin.push_back(i);
  }
  if (in_thin < full_frame && held <= uint64_t{file_blocks} * kScattered) return {};

  std::ranges::stable_sort(thin, {}, [&](uint32_t i) { return frames[i].of_use; });
  const uint64_t most = uint64_t{changed} + full_frame;
  uint64_t blocks = 0;
  size_t taken = 0;
  while (taken < thin.size() && blocks + frames[thin[taken]].of_use <= most) {
    blocks += frames[thin[taken++]].of_use;
  }
  thin.resize(taken);
  std::ranges::sort(thin);
  return thin;
}

}  // namespace walkback::pipeline
