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
    std::vector<uint32_t> masked_hashes;  // likewise
    std::vector<uint32_t> bad_blocks;     // of the file
    std::vector<DoubtfulBlock> doubtful_blocks;
    std::vector<UnexplainedBlock> unexplained;
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

  // The WAL names no change of this block since the parent.
  bool is_unchanged(uint32_t block) const { return (readings_[block] & kUnchanged) != 0; }
  // It was damaged in the parent: any change is to be expected.
  bool was_damaged(uint32_t block) const;
  // Where the parent has it is to be given up.
  bool store_anew(uint32_t block) const { return (readings_[block] & kStoreAnew) != 0; }

  // The parent's content of a block has this hash.
  bool parent_has(uint32_t block, uint64_t page_hash) const;
  // Of a block that the parent has.
  uint64_t parents_hash(uint32_t block) const { return parent_->page_hashes[block]; }
  // 0 where it is not known.
  uint32_t parents_masked_hash(uint32_t block) const;
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
  // What is to be done with a block.
  static constexpr uint8_t kRead = 1;
  static constexpr uint8_t kUnchanged = 2;
  static constexpr uint8_t kStoreAnew = 4;

  void choose_blocks();
  void read_turns(uint32_t known);
  void read_changed(const BlocksToRead& wanted, uint32_t known);
  void leave_thin_packs(uint32_t known);
  void leave_scattered_frames(uint32_t known);
  void store_run_anew(const repo::Run& run, uint32_t from, uint32_t to);
  void add_sparse(Blocks blocks);
  uint32_t block_count() const;
  void add_runs(repo::PageMap& map, std::vector<repo::Frame> frames, std::vector<repo::Run> runs);

  SourceFile source_;
  std::unique_ptr<File> file_;
  std::optional<repo::PageMap> parent_;
  uint64_t bytes_;
  const uint32_t block_bytes_;
  const uint32_t frame_blocks_;
  const uint32_t reread_blocks_;
  std::vector<uint8_t> readings_;  // one for each block
  // Where not every block is read: all that are, and where among them each piece begins.
  bool is_sparse_ = false;
  std::vector<Blocks> sparse_;
  std::vector<uint32_t> sparse_begin_;
  std::vector<StoredPiece> stored_;
  std::atomic<uint32_t> missing_;
  std::atomic<uint64_t> end_;  // in bytes, as far as anybody found
};

}  // namespace walkback::pipeline
