#include "pipeline/file_copy.h"

#include <algorithm>

namespace walkback::pipeline {

namespace {

uint32_t blocks_in(uint64_t bytes, uint32_t block_bytes) {
  return static_cast<uint32_t>((bytes + block_bytes - 1) / block_bytes);
}

// Puts a map together from front to back, with the frames that it really uses.
class MapBuilder {
 public:
  explicit MapBuilder(repo::PageMap& map) : map_(map) {}

  // `numbers` keeps which frame of `frames` is which of the map's.
  void add(const repo::Run& run, const std::vector<repo::Frame>& frames,
           std::vector<uint32_t>& numbers) {
    if (numbers.empty()) numbers.assign(frames.size(), kUnused);
    uint32_t& number = numbers[run.frame];
    if (number == kUnused) {
      number = static_cast<uint32_t>(map_.frames.size());
      map_.frames.push_back(frames[run.frame]);
    }
    if (!map_.runs.empty()) {
      repo::Run& last = map_.runs.back();
      const bool goes_on =
          last.frame == number && last.frame_block + last.block_count == run.frame_block;
      if (goes_on) {
        last.block_count += run.block_count;
        return;
      }
    }
    map_.runs.push_back({run.first_block, run.block_count, number, run.frame_block});
  }

 private:
  static constexpr uint32_t kUnused = UINT32_MAX;
  repo::PageMap& map_;
};

// The part of a run that lies in [from, to).
repo::Run part_of(const repo::Run& run, uint32_t from, uint32_t to) {
  const uint32_t begin = std::max(run.first_block, from);
  const uint32_t end = std::min(run.first_block + run.block_count, to);
  return {begin, end - begin, run.frame, run.frame_block + begin - run.first_block};
}

}  // namespace

FileCopy::FileCopy(SourceFile source, std::unique_ptr<File> file, uint64_t bytes,
                   std::optional<repo::PageMap> parent, const CopyInOptions& options)
    : source_(std::move(source)),
      file_(std::move(file)),
      parent_(std::move(parent)),
      bytes_(bytes),
      block_bytes_(options.block_bytes),
      frame_blocks_(options.frame_bytes / options.block_bytes),
      end_(bytes) {
  if (parent_ && parent_->block_bytes != block_bytes_) parent_.reset();
  choose_blocks();
  missing_ = piece_count();
}

uint32_t FileCopy::block_count() const { return blocks_in(bytes_, block_bytes_); }

void FileCopy::choose_blocks() {
  const BlocksToRead* wanted = parent_ ? source_.parent->blocks.get() : nullptr;
  if (wanted == nullptr) {
    stored_.resize((block_count() + frame_blocks_ - 1) / frame_blocks_);
    return;
  }
  is_sparse_ = true;
  // A block that is, or was, the short one at a file's end; and what the parent does not have.
  const uint32_t known = std::min(static_cast<uint32_t>(parent_->file_bytes / block_bytes_),
                                  static_cast<uint32_t>(bytes_ / block_bytes_));
  const uint32_t all_from = std::min(wanted->all_from, known);
  for (const uint32_t block : wanted->changed) {
    if (block < all_from) add_sparse({block, 1});
  }
  for (uint32_t block = all_from; block < block_count(); block += frame_blocks_) {
    add_sparse({block, std::min(frame_blocks_, block_count() - block)});
  }
  stored_.resize(sparse_begin_.size());
}

// Neighbours become one, and as many as fill a frame one piece.
void FileCopy::add_sparse(Blocks blocks) {
  while (blocks.count > 0) {
    uint32_t in_piece = 0;
    if (!sparse_begin_.empty()) {
      for (size_t i = sparse_begin_.back(); i < sparse_.size(); ++i) in_piece += sparse_[i].count;
    }
    if (sparse_begin_.empty() || in_piece == frame_blocks_) {
      sparse_begin_.push_back(static_cast<uint32_t>(sparse_.size()));
      in_piece = 0;
    }
    const uint32_t count = std::min(blocks.count, frame_blocks_ - in_piece);
    const bool goes_on =
        in_piece > 0 && sparse_.back().first + sparse_.back().count == blocks.first;
    if (goes_on) {
      sparse_.back().count += count;
    } else {
      sparse_.push_back({blocks.first, count});
    }
    blocks = {blocks.first + count, blocks.count - count};
  }
}

std::vector<FileCopy::Blocks> FileCopy::blocks(uint32_t piece) const {
  if (!is_sparse_) {
    const uint32_t first = piece * frame_blocks_;
    return {{first, std::min(frame_blocks_, block_count() - first)}};
  }
  const uint32_t begin = sparse_begin_[piece];
  const size_t end = piece + 1 < sparse_begin_.size() ? sparse_begin_[piece + 1] : sparse_.size();
  return {sparse_.begin() + begin, sparse_.begin() + static_cast<ptrdiff_t>(end)};
}

uint64_t FileCopy::bytes_in(const Blocks& blocks) const {
  return std::min(bytes_, offset_of(blocks.first + blocks.count)) - offset_of(blocks.first);
}

bool FileCopy::parent_has(uint32_t block, uint64_t page_hash) const {
  // A short block is no page: it is stored as it is.
  return parent_ && offset_of(block + 1) <= parent_->file_bytes &&
         block < parent_->page_hashes.size() && parent_->page_hashes[block] == page_hash;
}

bool FileCopy::parent_has(const Blocks& blocks, uint32_t bytes,
                          const codec::ContentHash& hash) const {
  if (!parent_) return false;
  const auto run =
      std::ranges::lower_bound(parent_->runs, blocks.first, {}, &repo::Run::first_block);
  if (run == parent_->runs.end() || run->first_block != blocks.first) return false;
  const repo::Frame& frame = parent_->frames[run->frame];
  return run->frame_block == 0 && run->block_count == blocks.count &&
         frame.content_bytes == bytes && frame.hash == hash;
}

void FileCopy::truncated_at(uint64_t bytes) {
  uint64_t end = end_.load(std::memory_order_relaxed);
  while (bytes < end && !end_.compare_exchange_weak(end, bytes)) {
  }
}

bool FileCopy::store(uint32_t piece, StoredPiece stored) {
  stored_[piece] = std::move(stored);
  return missing_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

CopiedFile FileCopy::finish() && {
  CopiedFile copied;
  repo::PageMap& map = copied.map;
  bytes_ = end_;
  map.file_bytes = bytes_;
  map.block_bytes = block_bytes_;
  if (source_.relation) {
    if (parent_) map.page_hashes = parent_->page_hashes;
    map.page_hashes.resize(block_count());
  }
  std::vector<repo::Frame> frames;
  std::vector<repo::Run> runs;
  for (uint32_t i = 0; i < piece_count(); ++i) {
    StoredPiece& piece = stored_[i];
    size_t hashed = 0;
    for (const Blocks& read : blocks(i)) {
      for (uint32_t n = 0; n < read.count && hashed < piece.page_hashes.size(); ++n, ++hashed) {
        if (read.first + n < map.page_hashes.size()) {
          map.page_hashes[read.first + n] = piece.page_hashes[hashed];
        }
      }
    }
    for (repo::Run& run : piece.runs) {
      run.frame = static_cast<uint32_t>(frames.size());
      runs.push_back(run);
    }
    if (piece.frame.content_bytes > 0) frames.push_back(piece.frame);
    copied.bad_blocks.insert(copied.bad_blocks.end(), piece.bad_blocks.begin(),
                             piece.bad_blocks.end());
    copied.doubtful_blocks.insert(copied.doubtful_blocks.end(), piece.doubtful_blocks.begin(),
                                  piece.doubtful_blocks.end());
  }
  add_runs(map, std::move(frames), std::move(runs));
  copied.source = std::move(source_);
  copied.parent = std::move(parent_);
  return copied;
}

// What was stored now, and between it what the parent has.
void FileCopy::add_runs(repo::PageMap& map, std::vector<repo::Frame> frames,
                        std::vector<repo::Run> runs) {
  const uint32_t end = block_count();
  MapBuilder builder(map);
  std::vector<uint32_t> numbers, parents_numbers;
  uint32_t block = 0;
  auto old = parent_ ? parent_->runs.begin() : std::vector<repo::Run>::iterator();
  const auto fill_up_to = [&](uint32_t to) {
    while (block < to) {
      while (old->first_block + old->block_count <= block) ++old;
      const repo::Run part = part_of(*old, block, to);
      builder.add(part, parent_->frames, parents_numbers);
      block += part.block_count;
    }
  };
  for (const repo::Run& run : runs) {
    if (run.first_block >= end) break;
    fill_up_to(run.first_block);
    const repo::Run part = part_of(run, block, end);
    builder.add(part, frames, numbers);
    block += part.block_count;
  }
  fill_up_to(end);
}

}  // namespace walkback::pipeline
