#include "pipeline/pages_there.h"

#include <algorithm>

#include "codec/frame.h"

namespace walkback::pipeline {

using Use = WantedFrame;

namespace {

// Large enough that calls cost nothing, small enough that what was read is still in a core's cache
// when it is hashed.
constexpr uint64_t kReadBytes = 256 << 10;

uint64_t size_of(const repo::PageMap& map, uint64_t first_block, uint64_t blocks) {
  const uint64_t from = first_block * map.block_bytes;
  return std::min(blocks * map.block_bytes, map.file_bytes - from);
}

// Adds one block to what is wrong: to the last run, where it goes on there.
void add_block(std::vector<repo::Run>& runs, const repo::Run& from, uint32_t at) {
  const repo::Run block{from.first_block + at, 1, from.frame, from.frame_block + at};
  if (!runs.empty()) {
    repo::Run& last = runs.back();
    if (last.first_block + last.block_count == block.first_block &&
        last.frame_block + last.block_count == block.frame_block) {
      ++last.block_count;
      return;
    }
  }
  runs.push_back(block);
}

}  // namespace

struct PagesThere::Part {
  repo::Run run;
  size_t use = 0;
};

Result<uint64_t> PagesThere::leave_out_right(File& file, const repo::PageMap& map,
                                             std::vector<Use>& uses) {
  uint64_t right = 0;
  if (!map.page_hashes.empty()) {
    right = TRY(compare_pages(file, map, uses));
  } else {
    for (Use& use : uses) {
      if (!TRY(is_right(file, map, use))) continue;
      right += map.frames[use.frame].content_bytes;
      use.runs.clear();
    }
  }
  std::erase_if(uses, [](const Use& use) { return use.runs.empty(); });
  return right;
}

Result<void> PagesThere::read(File& file, uint64_t offset, MutableBytes out) const {
  if (TRY(file.read_at(offset, out)) == out.size()) return success();
  return make_error(ErrorKind::kConflict,
                    "it became shorter while it was read: somebody else is at it");
}

// In the file's order, and across runs: where several backups wrote a file, its neighbouring blocks
// are in different frames.
Result<uint64_t> PagesThere::compare_pages(File& file, const repo::PageMap& map,
                                           std::vector<Use>& uses) {
  std::vector<Part> parts;
  for (size_t use = 0; use < uses.size(); ++use) {
    for (const repo::Run& run : uses[use].runs) parts.push_back({run, use});
    uses[use].runs.clear();
  }
  std::ranges::sort(parts, {}, [](const Part& part) { return part.run.first_block; });
  if (buffer_.size() < kReadBytes) buffer_.resize(kReadBytes);
  const uint32_t most = std::max<uint32_t>(1, static_cast<uint32_t>(kReadBytes / map.block_bytes));
  if (buffer_.size() < map.block_bytes) buffer_.resize(map.block_bytes);

  uint64_t right = 0;
  uint64_t begin = 0, end = 0;  // blocks in the buffer
  for (size_t i = 0; i < parts.size(); ++i) {
    const repo::Run& run = parts[i].run;
    for (uint32_t at = 0; at < run.block_count; ++at) {
      const uint64_t block = uint64_t{run.first_block} + at;
      if (block >= end) {
        begin = block;
        end = uint64_t{run.first_block} + run.block_count;
        for (size_t next = i + 1; next < parts.size() && end - begin < most; ++next) {
          if (parts[next].run.first_block != end) break;
          end += parts[next].run.block_count;
        }
        end = std::min(end, begin + most);
        TRY(read(file, begin * map.block_bytes,
                 MutableBytes(buffer_).first(size_of(map, begin, end - begin))));
      }
      const ByteView page =
          ByteView(buffer_).subspan((block - begin) * map.block_bytes, size_of(map, block, 1));
      if (codec::hash_page(page) == map.page_hashes[block]) {
        right += page.size();
      } else {
        add_block(uses[parts[i].use].runs, run, at);
      }
    }
  }
  return right;
}

// One frame is one stretch of such a file, unless another program wrote it otherwise: then it is
// fetched.
Result<bool> PagesThere::is_right(File& file, const repo::PageMap& map, const Use& use) {
  const repo::Frame& frame = map.frames[use.frame];
  const repo::Run& run = use.runs.front();
  const bool is_one = use.runs.size() == 1 && run.frame_block == 0 &&
                      size_of(map, run.first_block, run.block_count) == frame.content_bytes;
  if (!is_one) return false;
  if (buffer_.size() < frame.content_bytes) buffer_.resize(frame.content_bytes);
  const MutableBytes content = MutableBytes(buffer_).first(frame.content_bytes);
  TRY(read(file, uint64_t{run.first_block} * map.block_bytes, content));
  return codec::hash_content(content) == frame.hash;
}

}  // namespace walkback::pipeline
