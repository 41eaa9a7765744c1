// One file on its way out of packs, shared by the workers that write its pieces.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "pipeline/copy_out.h"

namespace walkback::pipeline {

// Each frame is fetched and decoded once, however many runs of the file use it. Frames are in the
// order in which the file first needs them, so a file is written nearly from front to back.
// Thread-safe.
class FileRestore {
 public:
  FileRestore(TargetFile target, std::unique_ptr<File> file, bool was_there);

  // A piece is some frames next to each other in that order, about kPieceContent bytes of content.
  uint32_t piece_count() const { return static_cast<uint32_t>(pieces_.size()); }

  // A frame and the runs of the file that take blocks from it, in the file's order.
  struct Use {
    uint32_t frame = 0;  // index into the map's frames
    std::vector<repo::Run> runs{};
  };
  std::vector<Use> uses(uint32_t piece) const;

  const TargetFile& target() const { return target_; }
  File& file() { return *file_; }
  // It was there before: what of it is right already stays.
  bool was_there() const { return was_there_; }

 private:
  static constexpr uint64_t kPieceContent = 8 << 20;

  void group_runs_by_frame();
  void cut_into_pieces();

  TargetFile target_;
  std::unique_ptr<File> file_;
  const bool was_there_;
  std::vector<uint32_t> runs_;        // indexes of runs, those of one frame together
  std::vector<uint32_t> runs_begin_;  // of each frame, in runs_; and one more: the end
  std::vector<uint32_t> frames_;      // those used, in order of first need
  struct PieceBounds {
    uint32_t begin = 0;  // in frames_
    uint32_t end = 0;
  };
  std::vector<PieceBounds> pieces_;
};

}  // namespace walkback::pipeline
