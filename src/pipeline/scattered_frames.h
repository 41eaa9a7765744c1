// Which frames of a page map an incremental backup should empty by storing again what is left of
// them.
//
// Each backup leaves the frames before it with fewer blocks of use, and adds small ones. A restore
// fetches and decompresses whole frames, so both must end. Pure; the bounds that follow from this
// are in docs/design/space.md.
#pragma once

#include <cstdint>
#include <vector>

namespace walkback::pipeline {

struct FrameUse {
  uint32_t blocks = 0;  // it holds
  uint32_t of_use = 0;  // the map still needs
};

// A frame is thin when it is of use for less than a quarter of `full_frame`, the blocks that one
// can hold. Thin ones are emptied when there is enough in them to fill a frame, or when all frames
// together hold over four times the file's blocks; those with least left first, and no more blocks
// than `changed`, which are stored anyway, and one frame. The indexes of frames, ascending.
std::vector<uint32_t> frames_to_empty(const std::vector<FrameUse>& frames, uint32_t file_blocks,
                                      uint32_t full_frame, uint32_t changed);

}  // namespace walkback::pipeline
