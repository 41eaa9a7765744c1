#include "pipeline/file_copy.h"

#include <algorithm>

namespace walkback::pipeline {

namespace {

uint32_t blocks_in(uint64_t bytes, uint32_t block_bytes) {
  return static_cast<uint32_t>((bytes + block_bytes - 1) / block_bytes);
}

}  // namespace

FileCopy::FileCopy(SourceFile source, std::unique_ptr<File> file, uint64_t bytes,
                   const CopyInOptions& options)
    : source_(std::move(source)),
      file_(std::move(file)),
      bytes_(bytes),
      block_bytes_(options.block_bytes),
      frame_bytes_(options.frame_bytes),
      pieces_((bytes + options.frame_bytes - 1) / options.frame_bytes),
      missing_(static_cast<uint32_t>(pieces_.size())) {}

FileCopy::Range FileCopy::range(uint32_t piece) const {
  Range range;
  range.offset = uint64_t{piece} * frame_bytes_;
  range.bytes = static_cast<uint32_t>(std::min<uint64_t>(frame_bytes_, bytes_ - range.offset));
  range.first_block = static_cast<uint32_t>(range.offset / block_bytes_);
  return range;
}

bool FileCopy::store(uint32_t piece, StoredPiece stored) {
  pieces_[piece] = std::move(stored);
  return missing_.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

CopiedFile FileCopy::finish() && {
  CopiedFile copied;
  repo::PageMap& map = copied.map;
  map.block_bytes = block_bytes_;
  map.frames.reserve(pieces_.size());
  map.runs.reserve(pieces_.size());
  if (source_.relation) map.page_hashes.reserve(blocks_in(bytes_, block_bytes_));
  for (uint32_t i = 0; i < piece_count(); ++i) {
    StoredPiece& piece = pieces_[i];
    const uint32_t content = piece.frame.content_bytes;
    if (content > 0) {
      map.runs.push_back({range(i).first_block, blocks_in(content, block_bytes_),
                          static_cast<uint32_t>(map.frames.size()), 0});
      map.frames.push_back(piece.frame);
      map.page_hashes.insert(map.page_hashes.end(), piece.page_hashes.begin(),
                             piece.page_hashes.end());
      copied.bad_blocks.insert(copied.bad_blocks.end(), piece.bad_blocks.begin(),
                               piece.bad_blocks.end());
      copied.doubtful_blocks.insert(copied.doubtful_blocks.end(), piece.doubtful_blocks.begin(),
                                    piece.doubtful_blocks.end());
      map.file_bytes += content;
    }
    // Truncated here while it was read; what other workers found further on is gone as well.
    if (content < range(i).bytes) break;
  }
  copied.source = std::move(source_);
  return copied;
}

}  // namespace walkback::pipeline
