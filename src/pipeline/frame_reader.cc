#include "pipeline/frame_reader.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <string>

namespace walkback::pipeline {

namespace {

// Neighbouring frames are fetched in one read up to this size: for a bucket, one request.
constexpr uint32_t kLargestRead = 4 << 20;

// A frame of which this part or less at its end is not needed is decoded whole.
constexpr uint64_t kMuch = 8;

const repo::FrameLocation& location(const repo::PageMap& map, const WantedFrame& use) {
  return map.frames[use.frame].location;
}

// As many frames as lie one after another in one pack, within one read.
size_t end_of_range(const repo::PageMap& map, std::span<const WantedFrame> uses, size_t begin) {
  uint32_t length = location(map, uses[begin]).length;
  size_t end = begin + 1;
  for (; end < uses.size(); ++end) {
    const repo::FrameLocation& last = location(map, uses[end - 1]);
    const repo::FrameLocation& next = location(map, uses[end]);
    if (next.pack != last.pack || next.offset != last.offset + last.length) break;
    if (next.length > kLargestRead || length > kLargestRead - next.length) break;
    length += next.length;
  }
  return end;
}

// Up to where of its content a frame is needed.
uint64_t end_of_wanted(const WantedFrame& use, const repo::PageMap& map) {
  uint64_t blocks = 0;
  for (const repo::Run& run : use.runs) {
    blocks = std::max<uint64_t>(blocks, uint64_t{run.frame_block} + run.block_count);
  }
  return std::min<uint64_t>(blocks * map.block_bytes, map.frames[use.frame].content_bytes);
}

bool holds_its_pages(const WantedFrame& use, const repo::PageMap& map, ByteView content) {
  for (const repo::Run& run : use.runs) {
    for (uint32_t i = 0; i < run.block_count; ++i) {
      const uint64_t from = uint64_t{run.frame_block + i} * map.block_bytes;
      const uint64_t size = std::min<uint64_t>(map.block_bytes, content.size() - from);
      if (codec::hash_page(content.subspan(from, size)) != map.page_hashes[run.first_block + i]) {
        return false;
      }
    }
  }
  return true;
}

Error damaged(const repo::Frame& frame, const std::string& why) {
  return make_error(ErrorKind::kCorrupt,
                    "pack " + frame.location.pack.text() + " is damaged at byte " +
                        std::to_string(frame.location.offset) + ": " + why,
                    "restore this pack from another copy of the repository, or recover from "
                    "another backup (`walkback list`)");
}

MutableBytes grow(Bytes& buffer, size_t size) {
  if (buffer.size() < size) buffer.resize(size);
  return MutableBytes(buffer).first(size);
}

}  // namespace

// A counting sort: a file may have a run for each of its pages.
RunsByFrame::RunsByFrame(const repo::PageMap& map) : map_(&map) {
  runs_begin_.assign(map.frames.size() + 1, 0);
  for (const repo::Run& run : map.runs) {
    if (runs_begin_[run.frame + 1]++ == 0) frames_.push_back(run.frame);
  }
  std::partial_sum(runs_begin_.begin(), runs_begin_.end(), runs_begin_.begin());
  std::vector<uint32_t> next(runs_begin_.begin(), runs_begin_.end() - 1);
  runs_.resize(map.runs.size());
  for (uint32_t i = 0; i < map.runs.size(); ++i) runs_[next[map.runs[i].frame]++] = i;
}

WantedFrame RunsByFrame::use_of(uint32_t frame) const {
  WantedFrame use{.frame = frame, .runs = {}};
  for (uint32_t at = runs_begin_[frame]; at < runs_begin_[frame + 1]; ++at) {
    use.runs.push_back(map_->runs[runs_[at]]);
  }
  return use;
}

Result<uint64_t> FrameReader::read(const repo::PageMap& map, std::vector<WantedFrame> uses,
                                   const TakeRun& take) {
  // In the packs' order, so that neighbours are found; two workers' packs take turns in one file.
  std::sort(uses.begin(), uses.end(), [&](const WantedFrame& a, const WantedFrame& b) {
    return location(map, a) < location(map, b);
  });
  uint64_t fetched = 0;
  for (size_t begin = 0; begin < uses.size();) {
    const size_t end = end_of_range(map, uses, begin);
    TRY(read_range(map, std::span(uses).subspan(begin, end - begin), take));
    for (; begin < end; ++begin) fetched += location(map, uses[begin]).length;
  }
  return fetched;
}

Result<void> FrameReader::read_range(const repo::PageMap& map, std::span<const WantedFrame> uses,
                                     const TakeRun& take) {
  const repo::FrameLocation& first = location(map, uses.front());
  const repo::FrameLocation& last = location(map, uses.back());
  const uint32_t length = last.offset + last.length - first.offset;
  const MutableBytes range = grow(range_, length);
  TRY(packs_.read({first.pack, first.offset, length}, range));
  for (const WantedFrame& use : uses) {
    const repo::FrameLocation& at = location(map, use);
    TRY(take_frame(map, use, range.subspan(at.offset - first.offset, at.length), take));
  }
  return success();
}

Result<void> FrameReader::take_frame(const repo::PageMap& map, const WantedFrame& use,
                                     ByteView stored, const TakeRun& take) {
  const repo::Frame& frame = map.frames[use.frame];
  if (codec::hash_frame(stored) != frame.stored_hash) {
    return damaged(frame, "its bytes do not match their checksum");
  }
  const uint64_t wanted = end_of_wanted(use, map);
  const bool all = map.page_hashes.empty() || wanted > frame.content_bytes / kMuch * (kMuch - 1);
  const MutableBytes content = grow(content_, all ? frame.content_bytes : wanted);
  Result<void> decoded =
      all ? decoder_.decode(stored, content) : decoder_.decode_beginning(stored, content);
  if (!decoded.ok()) return damaged(frame, decoded.error().message);
  if (all ? codec::hash_content(content) != frame.hash : !holds_its_pages(use, map, content)) {
    return damaged(frame, "its content does not match its checksum");
  }
  for (const repo::Run& run : use.runs) {
    const uint64_t from = uint64_t{run.frame_block} * map.block_bytes;
    const uint64_t size =
        std::min<uint64_t>(uint64_t{run.block_count} * map.block_bytes, content.size() - from);
    TRY(take(run, content.subspan(from, size)));
  }
  return success();
}

}  // namespace walkback::pipeline
