// One file on its way into packs, shared by the workers that copy its pieces.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/file_system.h"
#include "pipeline/copy_in.h"

namespace walkback::pipeline {

// Different pieces may be stored by different threads at once. finish() comes after the last.
class FileCopy {
 public:
  // Where a piece lies in the file, as the file was when it was opened.
  struct Range {
    uint64_t offset = 0;
    uint32_t bytes = 0;
    uint32_t first_block = 0;
  };
  struct StoredPiece {
    repo::Frame frame;  // content_bytes below its range's: the file was truncated meanwhile
    std::vector<uint64_t> page_hashes;
    std::vector<uint32_t> bad_blocks;  // of the file
    std::vector<DoubtfulBlock> doubtful_blocks;
  };

  FileCopy(SourceFile source, std::unique_ptr<File> file, uint64_t bytes,
           const CopyInOptions& options);

  uint32_t piece_count() const { return static_cast<uint32_t>(pieces_.size()); }
  Range range(uint32_t piece) const;
  const SourceFile& source() const { return source_; }
  File& file() { return *file_; }

  // True for the piece that was the last one missing.
  bool store(uint32_t piece, StoredPiece stored);
  // The file as far as it was there all the time.
  CopiedFile finish() &&;

 private:
  SourceFile source_;
  std::unique_ptr<File> file_;
  const uint64_t bytes_;
  const uint32_t block_bytes_;
  const uint32_t frame_bytes_;
  std::vector<StoredPiece> pieces_;
  std::atomic<uint32_t> missing_;
};

}  // namespace walkback::pipeline
