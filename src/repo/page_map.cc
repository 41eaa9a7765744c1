#include "repo/page_map.h"

#include <limits>
#include <map>
#include <string>

#include "repo/page_map.pb.h"

namespace walkback::repo {

namespace {

constexpr size_t kPackIdBytes = 16;
constexpr size_t kHashBytes = 16;

Error corrupt(const char* what) {
  return make_error(ErrorKind::kCorrupt, std::string("page map: ") + what);
}

void append(std::string& column, ByteView bytes) { column.append(as_text(bytes)); }

// Differences wrap around in 32 bits, so that every value has exactly one.
int32_t difference(uint32_t value, uint32_t before) { return static_cast<int32_t>(value - before); }
uint32_t sum(uint32_t before, int32_t difference) {
  return before + static_cast<uint32_t>(difference);
}

class FrameColumns {
 public:
  explicit FrameColumns(proto::PageMap& to) : to_(to) {}

  void add(const Frame& frame) {
    const FrameLocation& at = frame.location;
    const uint32_t pack = index_of(at.pack);
    to_.add_frame_pack(difference(pack, pack_));
    to_.add_frame_offset(int64_t{at.offset} - (pack == pack_ ? int64_t{end_} : 0));
    to_.add_frame_length(at.length);
    to_.add_frame_content(difference(frame.content_bytes, content_));
    append(*to_.mutable_frame_hash(), frame.hash.bytes);
    to_.add_frame_stored_hash(frame.stored_hash);
    pack_ = pack;
    end_ = at.offset + at.length;
    content_ = frame.content_bytes;
  }

 private:
  uint32_t index_of(const PackId& id) {
    const auto [entry, is_new] = packs_.try_emplace(id, static_cast<uint32_t>(packs_.size()));
    if (is_new) append(*to_.mutable_packs(), id.bytes);
    return entry->second;
  }

  proto::PageMap& to_;
  std::map<PackId, uint32_t> packs_;
  uint32_t pack_ = 0;
  uint32_t end_ = 0;
  uint32_t content_ = 0;
};

// A short block ends a frame; anywhere else in a file than at its end, blocks are whole.
uint64_t bytes_of_blocks(uint64_t all_bytes, uint32_t block_bytes, uint64_t first, uint64_t count) {
  return std::min(all_bytes, (first + count) * block_bytes) - first * block_bytes;
}

const char* problem_in_frame(const Frame& frame) {
  if (frame.content_bytes == 0) return "a frame holds nothing";
  if (frame.content_bytes > kLargestFrameContent) return "a frame is too large";
  if (frame.location.length == 0) return "a frame is stored in no bytes";
  if (frame.location.length > kLargestFrameStored) return "a frame is stored in too many bytes";
  if (frame.location.offset > std::numeric_limits<uint32_t>::max() - frame.location.length) {
    return "a frame lies beyond the largest pack";
  }
  return nullptr;
}

const char* problem_in_run(const PageMap& map, const Run& run, uint64_t first_block) {
  const uint64_t file_blocks = map.block_count();
  if (run.first_block != first_block) return "runs overlap or leave holes";
  if (run.block_count == 0) return "a run is empty";
  if (run.block_count > file_blocks - first_block) return "runs reach beyond the file's end";
  if (run.frame >= map.frames.size()) return "a run points to no frame";
  const uint64_t content = map.frames[run.frame].content_bytes;
  const uint64_t frame_blocks = (content + map.block_bytes - 1) / map.block_bytes;
  if (run.frame_block >= frame_blocks || run.block_count > frame_blocks - run.frame_block) {
    return "a run reaches beyond its frame";
  }
  if (bytes_of_blocks(content, map.block_bytes, run.frame_block, run.block_count) !=
      bytes_of_blocks(map.file_bytes, map.block_bytes, first_block, run.block_count)) {
    return "a run's bytes are not its blocks' bytes";
  }
  return nullptr;
}

const char* problem_in(const PageMap& map) {
  // BLCKSZ, src/include/pg_config.h: powers of two from 1 KiB to 32 KiB.
  if (map.block_bytes < 1024 || map.block_bytes > 32768 ||
      (map.block_bytes & (map.block_bytes - 1)) != 0) {
    return "no size of block that PostgreSQL has";
  }
  if (map.file_bytes / map.block_bytes >= std::numeric_limits<uint32_t>::max()) {
    return "the file is too large";
  }
  for (const Frame& frame : map.frames) {
    if (const char* problem = problem_in_frame(frame)) return problem;
  }
  uint64_t next_block = 0;
  for (const Run& run : map.runs) {
    if (const char* problem = problem_in_run(map, run, next_block)) return problem;
    next_block += run.block_count;
  }
  if (next_block != map.block_count()) return "runs do not reach the file's end";
  if (!map.page_hashes.empty() && map.page_hashes.size() != map.block_count()) {
    return "not one hash for each page";
  }
  if (!map.masked_hashes.empty() && map.masked_hashes.size() != map.page_hashes.size()) {
    return "not one masked hash for each page";
  }
  return nullptr;
}

Result<void> decode_frames(const proto::PageMap& from, PageMap& map) {
  const auto count = static_cast<size_t>(from.frame_pack_size());
  if (static_cast<size_t>(from.frame_offset_size()) != count ||
      static_cast<size_t>(from.frame_length_size()) != count ||
      static_cast<size_t>(from.frame_content_size()) != count ||
      static_cast<size_t>(from.frame_stored_hash_size()) != count ||
      from.frame_hash().size() != count * kHashBytes || from.packs().size() % kPackIdBytes != 0) {
    return corrupt("columns of frames differ in length");
  }
  const size_t pack_count = from.packs().size() / kPackIdBytes;
  map.frames.resize(count);
  uint32_t pack = 0;
  uint64_t end = 0;
  uint32_t content = 0;
  for (size_t i = 0; i < count; ++i) {
    const int index = static_cast<int>(i);
    Frame& frame = map.frames[i];
    const uint32_t previous_pack = pack;
    pack = sum(pack, from.frame_pack(index));
    if (pack >= pack_count) return corrupt("a frame points to no pack");
    const uint64_t offset =
        (pack == previous_pack ? end : 0) + static_cast<uint64_t>(from.frame_offset(index));
    if (offset > std::numeric_limits<uint32_t>::max())
      return corrupt("a frame lies outside its pack");
    content = sum(content, from.frame_content(index));
    frame.location.offset = static_cast<uint32_t>(offset);
    frame.location.length = from.frame_length(index);
    frame.content_bytes = content;
    frame.stored_hash = from.frame_stored_hash(index);
    std::memcpy(frame.location.pack.bytes.data(), from.packs().data() + pack * kPackIdBytes,
                kPackIdBytes);
    std::memcpy(frame.hash.bytes.data(), from.frame_hash().data() + i * kHashBytes, kHashBytes);
    end = offset + frame.location.length;
  }
  return success();
}

Result<void> decode_runs(const proto::PageMap& from, PageMap& map) {
  const int count = from.run_blocks_size();
  if (from.run_frame_size() != count || from.run_frame_block_size() != count) {
    return corrupt("columns of runs differ in length");
  }
  map.runs.resize(static_cast<size_t>(count));
  uint64_t first_block = 0;
  uint32_t frame = 0;
  for (int i = 0; i < count; ++i) {
    Run& run = map.runs[static_cast<size_t>(i)];
    if (first_block > std::numeric_limits<uint32_t>::max()) return corrupt("too many blocks");
    frame = sum(frame, from.run_frame(i));
    run = {static_cast<uint32_t>(first_block), from.run_blocks(i), frame, from.run_frame_block(i)};
    first_block += run.block_count;
  }
  return success();
}

}  // namespace

Bytes encode_page_map(const PageMap& map) {
  CHECK(problem_in(map) == nullptr);
  proto::PageMap message;
  message.set_file_bytes(map.file_bytes);
  message.set_block_bytes(map.block_bytes);
  FrameColumns frames(message);
  for (const Frame& frame : map.frames) frames.add(frame);
  uint32_t frame_before = 0;
  for (const Run& run : map.runs) {
    message.add_run_blocks(run.block_count);
    message.add_run_frame(difference(run.frame, frame_before));
    message.add_run_frame_block(run.frame_block);
    frame_before = run.frame;
  }
  message.mutable_page_hashes()->Assign(map.page_hashes.begin(), map.page_hashes.end());
  message.mutable_masked_hashes()->Assign(map.masked_hashes.begin(), map.masked_hashes.end());
  Bytes bytes(message.ByteSizeLong());
  CHECK(message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())));
  return bytes;
}

Result<PageMap> decode_page_map(ByteView bytes) {
  proto::PageMap message;
  if (bytes.size() > std::numeric_limits<int>::max() ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return corrupt("no valid message");
  }
  PageMap map;
  map.file_bytes = message.file_bytes();
  map.block_bytes = message.block_bytes();
  TRY(decode_frames(message, map));
  TRY(decode_runs(message, map));
  map.page_hashes.assign(message.page_hashes().begin(), message.page_hashes().end());
  map.masked_hashes.assign(message.masked_hashes().begin(), message.masked_hashes().end());
  if (const char* problem = problem_in(map)) return corrupt(problem);
  return map;
}

}  // namespace walkback::repo
