#include "pipeline/file_copy.h"

#include <algorithm>

#include "pipeline/scattered_frames.h"

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

// They hold the same blocks at the same places.
bool frames_are_same(const repo::PageMap& one, const repo::PageMap& other) {
  return one.file_bytes == other.file_bytes &&
         std::ranges::equal(one.frames, other.frames, {}, &repo::Frame::location,
                            &repo::Frame::location) &&
         one.runs == other.runs;
}

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
      reread_blocks_(options.reread_blocks),
      end_(bytes) {
  const bool unusable = parent_ && (parent_->block_bytes != block_bytes_ ||
                                    (source_.relation && parent_->page_hashes.empty()));
  if (unusable) parent_.reset();
  choose_blocks();
  missing_ = piece_count();
}

uint32_t FileCopy::block_count() const { return blocks_in(bytes_, block_bytes_); }

void FileCopy::choose_blocks() {
  const BlocksToRead* wanted = parent_ ? source_.parent->blocks.get() : nullptr;
  is_sparse_ = wanted != nullptr;
  readings_.assign(block_count(), is_sparse_ ? 0 : kRead);
  if (parent_) {
    // Not a block that is, or was, the short one at a file's end; and not what the parent lacks.
    const uint32_t known = std::min(static_cast<uint32_t>(parent_->file_bytes / block_bytes_),
                                    static_cast<uint32_t>(bytes_ / block_bytes_));
    if (is_sparse_) {
      read_turns(known);
      read_changed(*wanted, known);
    }
    leave_thin_packs(known);
    leave_scattered_frames(known);
  }
  if (!is_sparse_) {
    stored_.resize((block_count() + frame_blocks_ - 1) / frame_blocks_);
    return;
  }
  for (uint32_t block = 0; block < block_count(); ++block) {
    if (readings_[block] != 0) add_sparse({block, 1});
  }
  stored_.resize(sparse_begin_.size());
}

void FileCopy::read_turns(uint32_t known) {
  for (const uint32_t turn : source_.parent->turns) {
    const uint64_t begin = std::min<uint64_t>(uint64_t{turn} * reread_blocks_, known);
    const uint64_t end = std::min<uint64_t>(begin + reread_blocks_, known);
    std::fill(readings_.begin() + static_cast<ptrdiff_t>(begin),
              readings_.begin() + static_cast<ptrdiff_t>(end), kRead | kUnchanged);
  }
}

void FileCopy::read_changed(const BlocksToRead& wanted, uint32_t known) {
  for (const uint32_t block : wanted.damaged) {
    if (block < known) readings_[block] = kRead | kUnchanged;
  }
  const uint32_t all_from = std::min(wanted.all_from, known);
  for (const uint32_t block : wanted.changed) {
    if (block < all_from) readings_[block] = kRead;
  }
  std::fill(readings_.begin() + all_from, readings_.end(), kRead);
}

void FileCopy::store_run_anew(const repo::Run& run, uint32_t from, uint32_t to) {
  const uint32_t end = std::min(run.first_block + run.block_count, to);
  for (uint32_t block = std::max(run.first_block, from); block < end; ++block) {
    // What changed is stored anew, or taken as the parent has it, by its own rule.
    if (readings_[block] == kRead && is_sparse_) continue;
    readings_[block] |= kRead | kStoreAnew | (is_sparse_ ? kUnchanged : 0);
  }
}

void FileCopy::leave_thin_packs(uint32_t known) {
  const repo::PackIds* thin = source_.parent->thin_packs;
  if (thin == nullptr || thin->empty()) return;
  // What is read anyway has a short block at its end, too, or is nothing else.
  if (!is_sparse_) known = std::min(parent_->block_count(), block_count());
  auto run = parent_->runs.begin();
  for (const uint32_t turn : source_.parent->turns) {
    const auto begin =
        static_cast<uint32_t>(std::min<uint64_t>(uint64_t{turn} * reread_blocks_, known));
    const uint32_t end = std::min(begin + std::min(reread_blocks_, known - begin), known);
    while (run != parent_->runs.end() && run->first_block + run->block_count <= begin) ++run;
    for (auto in_turn = run; in_turn != parent_->runs.end() && in_turn->first_block < end;
         ++in_turn) {
      if (thin->contains(parent_->frames[in_turn->frame].location.pack)) {
        store_run_anew(*in_turn, begin, end);
      }
    }
  }
}

void FileCopy::leave_scattered_frames(uint32_t known) {
  std::vector<FrameUse> uses(parent_->frames.size());
  for (size_t i = 0; i < uses.size(); ++i) {
    uses[i].blocks = blocks_in(parent_->frames[i].content_bytes, block_bytes_);
  }
  uint32_t changed = 0;
  for (const repo::Run& run : parent_->runs) {
    const uint32_t end = std::min(run.first_block + run.block_count, known);
    for (uint32_t block = run.first_block; block < end; ++block) {
      const bool leaves =
          (readings_[block] & kStoreAnew) != 0 || (is_sparse_ && readings_[block] == kRead);
      changed += leaves ? 1 : 0;
      uses[run.frame].of_use += leaves ? 0 : 1;
    }
  }
  // A file of which nothing is stored keeps its map.
  if (is_sparse_ && changed == 0 && known == block_count()) return;
  const std::vector<uint32_t> to_empty =
      frames_to_empty(uses, block_count(), frame_blocks_, changed + block_count() - known);
  if (to_empty.empty()) return;
  for (const repo::Run& run : parent_->runs) {
    if (std::ranges::binary_search(to_empty, run.frame)) store_run_anew(run, 0, known);
  }
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

bool FileCopy::was_damaged(uint32_t block) const {
  return source_.parent && source_.parent->blocks &&
         std::ranges::binary_search(source_.parent->blocks->damaged, block);
}

uint32_t FileCopy::parents_masked_hash(uint32_t block) const {
  return block < parent_->masked_hashes.size() ? parent_->masked_hashes[block] : 0;
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
    if (parent_) {
      map.page_hashes = parent_->page_hashes;
      map.masked_hashes = parent_->masked_hashes;
    }
    map.page_hashes.resize(block_count());
    map.masked_hashes.resize(block_count());
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
          map.masked_hashes[read.first + n] = piece.masked_hashes[hashed];
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
    copied.unexplained.insert(copied.unexplained.end(), piece.unexplained.begin(),
                              piece.unexplained.end());
  }
  add_runs(map, std::move(frames), std::move(runs));
  copied.is_as_parent = parent_ && frames_are_same(map, *parent_) &&
                        map.page_hashes == parent_->page_hashes &&
                        map.masked_hashes == parent_->masked_hashes;
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
