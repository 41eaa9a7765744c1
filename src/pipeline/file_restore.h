// One file on its way out of packs, shared by the workers that write its pieces.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "pipeline/copy_out.h"
#include "pipeline/frame_reader.h"

namespace walkback::pipeline {

// Each frame is fetched and decoded once, however many runs of the file use it. Frames are in the
// order in which the file first needs them, so a file is written nearly from front to back.
// Thread-safe.
class FileRestore {
 public:
  FileRestore(TargetFile target, std::unique_ptr<File> file, bool was_there);
  FileRestore(const FileRestore&) = delete;
  FileRestore& operator=(const FileRestore&) = delete;

  // A piece is some frames next to each other in that order, about kPieceContent bytes of content.
  uint32_t piece_count() const { return static_cast<uint32_t>(pieces_.size()); }

  std::vector<WantedFrame> uses(uint32_t piece) const;

  const TargetFile& target() const { return target_; }
  File& file() { return *file_; }
  // It was there before: what of it is right already stays.
  bool was_there() const { return was_there_; }

 private:
  static constexpr uint64_t kPieceContent = 8 << 20;

  void cut_into_pieces();

  TargetFile target_;
  std::unique_ptr<File> file_;
  const bool was_there_;
  const RunsByFrame runs_;  // of target_'s map
  struct PieceBounds {
    uint32_t begin = 0;  // in runs_.frames()
    uint32_t end = 0;
  };
  std::vector<PieceBounds> pieces_;
};

}  // namespace walkback::pipeline
