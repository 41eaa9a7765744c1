// One file on its way into packs, shared by the workers that copy its pieces.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "base/file_system.h"
#include "pipeline/copy_in.h"

namespace walkback::pipeline {

// Different pieces may be stored by different threads at once. finish() comes after the last.
class FileCopy {
 public:
  // Neighbouring blocks of the file.
  struct Blocks {
    uint32_t first = 0;
    uint32_t count = 0;
  };
  struct StoredPiece {
    // Of the blocks that the parent does not have as they are now; content_bytes is 0 when it has
    // all.
    repo::Frame frame;
    std::vector<repo::Run> runs;  // that the frame holds; `frame` in them means nothing
    // Of each block that was read, in order: fewer than the piece's when the file was truncated
    // meanwhile. Empty for files that are not relations.
    std::vector<uint64_t> page_hashes;
    std::vector<uint32_t> bad_blocks;  // of the file
    std::vector<DoubtfulBlock> doubtful_blocks;
  };

  // `parent` is what source.parent gave.
  FileCopy(SourceFile source, std::unique_ptr<File> file, uint64_t bytes,
           std::optional<repo::PageMap> parent, const CopyInOptions& options);

  uint32_t piece_count() const { return static_cast<uint32_t>(stored_.size()); }
  // What to read for a piece, ascending: at most one frame's size together.
  std::vector<Blocks> blocks(uint32_t piece) const;
  uint64_t offset_of(uint32_t block) const { return uint64_t{block} * block_bytes_; }
  // Of the file as it was when it was opened.
  uint64_t bytes_in(const Blocks& blocks) const;
  const SourceFile& source() const { return source_; }
  File& file() { return *file_; }

  // The parent's content of a block has this hash.
  bool parent_has(uint32_t block, uint64_t page_hash) const;
  // The parent has a frame of exactly these blocks, with this content.
  bool parent_has(const Blocks& blocks, uint32_t bytes, const codec::ContentHash& hash) const;

  // Somebody found the file ending here: what lies behind is gone.
  void truncated_at(uint64_t bytes);
  // True for the piece that was the last one missing.
  bool store(uint32_t piece, StoredPiece stored);
  // The file as far as it was there all the time.
  CopiedFile finish() &&;
  // Nothing of it must be read: it is done.
  bool is_done() const { return stored_.empty(); }

 private:
  void choose_blocks();
  void add_sparse(Blocks blocks);
  uint32_t block_count() const;
  void add_runs(repo::PageMap& map, std::vector<repo::Frame> frames, std::vector<repo::Run> runs);

  SourceFile source_;
  std::unique_ptr<File> file_;
  std::optional<repo::PageMap> parent_;
  uint64_t bytes_;
  const uint32_t block_bytes_;
  const uint32_t frame_blocks_;
  // Where not every block is read: all that are, and where among them each piece begins.
  bool is_sparse_ = false;
  std::vector<Blocks> sparse_;
  std::vector<uint32_t> sparse_begin_;
  std::vector<StoredPiece> stored_;
  std::atomic<uint32_t> missing_;
  std::atomic<uint64_t> end_;  // in bytes, as far as anybody found
};

}  // namespace walkback::pipeline
