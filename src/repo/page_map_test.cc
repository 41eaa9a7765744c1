#include "repo/page_map.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>

#include "repo/page_map.pb.h"

namespace walkback::repo {
namespace {

constexpr uint32_t kBlock = 8192;

PackId pack(uint8_t number) {
  PackId id;
  id.bytes.fill(static_cast<std::byte>(number));
  return id;
}

Frame frame(uint8_t pack_number, uint32_t offset, uint32_t length, uint32_t blocks) {
  Frame made{{pack(pack_number), offset, length}, blocks * kBlock, {}, length * 0x9e3779b97f4a7c15};
  made.hash.bytes.fill(static_cast<std::byte>(length));
  return made;
}

// A full backup's map: three frames of 4, 4 and 1 blocks from two workers' packs.
PageMap full_map() {
  PageMap map;
  map.file_bytes = 9 * kBlock;
  map.frames = {frame(1, 0, 5000, 4), frame(2, 70000, 6000, 4), frame(1, 5000, 100, 1)};
  map.runs = {{0, 4, 0, 0}, {4, 4, 1, 0}, {8, 1, 2, 0}};
  for (uint64_t block = 0; block < 9; ++block)
    map.page_hashes.push_back(block * 0x0123456789abcdef);
  return map;
}

// Blocks 2 and 5 changed since: the rest points at the older frames.
PageMap incremental_map() {
  PageMap map = full_map();
  map.frames.push_back(frame(3, 900, 222, 2));
  map.runs = {{0, 2, 0, 0}, {2, 1, 3, 0}, {3, 1, 0, 3}, {4, 1, 1, 0},
              {5, 1, 3, 1}, {6, 2, 1, 2}, {8, 1, 2, 0}};
  return map;
}

void expect_same(const PageMap& a, const PageMap& b) {
  EXPECT_EQ(a.file_bytes, b.file_bytes);
  EXPECT_EQ(a.block_bytes, b.block_bytes);
  EXPECT_EQ(a.page_hashes, b.page_hashes);
  EXPECT_EQ(a.masked_hashes, b.masked_hashes);
  ASSERT_EQ(a.frames.size(), b.frames.size());
  for (size_t i = 0; i < a.frames.size(); ++i) {
    EXPECT_EQ(a.frames[i].location, b.frames[i].location) << i;
    EXPECT_EQ(a.frames[i].content_bytes, b.frames[i].content_bytes) << i;
    EXPECT_EQ(a.frames[i].hash, b.frames[i].hash) << i;
    EXPECT_EQ(a.frames[i].stored_hash, b.frames[i].stored_hash) << i;
  }
  ASSERT_EQ(a.runs.size(), b.runs.size());
  for (size_t i = 0; i < a.runs.size(); ++i) {
    EXPECT_EQ(a.runs[i].first_block, b.runs[i].first_block) << i;
    EXPECT_EQ(a.runs[i].block_count, b.runs[i].block_count) << i;
    EXPECT_EQ(a.runs[i].frame, b.runs[i].frame) << i;
    EXPECT_EQ(a.runs[i].frame_block, b.runs[i].frame_block) << i;
  }
}

void expect_comes_back(const PageMap& map) {
  Result<PageMap> decoded = decode_page_map(encode_page_map(map));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  expect_same(*decoded, map);
}

TEST(PageMap, OfAFullBackupComesBack) { expect_comes_back(full_map()); }

TEST(PageMap, OfAnIncrementalBackupComesBack) { expect_comes_back(incremental_map()); }

TEST(PageMap, OfAnEmptyFileComesBack) { expect_comes_back(PageMap{}); }

TEST(PageMap, OfAFileWithAShortLastBlockComesBack) {
  PageMap map = full_map();
  map.file_bytes += 100;
  map.frames[2].content_bytes += 100;
  map.runs[2].block_count = 2;
  map.page_hashes.clear();
  expect_comes_back(map);
}

TEST(PageMap, NamesEachPackOnceHoweverManyFramesLieInIt) {
  PageMap map;
  map.block_bytes = kBlock;
  for (uint32_t i = 0; i < 1000; ++i) {
    map.frames.push_back(frame(i % 2 ? 1 : 2, i * 300, 300, 128));
    map.runs.push_back({i * 128, 128, i, 0});
  }
  map.file_bytes = uint64_t{1000} * 128 * kBlock;
  const size_t without_hashes = encode_page_map(map).size() - 1000 * (16 + 8);
  EXPECT_LT(without_hashes, 12'000u);
  expect_comes_back(map);
}

// One page a frame's run, from a hundred packs: what years of incremental backups leave.
TEST(PageMap, OfManySmallRunsStaysSmall) {
  PageMap map;
  for (uint32_t i = 0; i < 100; ++i) {
    map.frames.push_back(frame(static_cast<uint8_t>(i), 1'000'000 + i, 300'000, 128));
  }
  for (uint32_t block = 0; block < 12800; ++block) {
    map.runs.push_back({block, 1, block % 100, block / 100});
  }
  map.file_bytes = uint64_t{12800} * kBlock;
  EXPECT_LT(encode_page_map(map).size(), 5u * 12800);
  expect_comes_back(map);
}

TEST(PageMap, ABrokenMapIsNeverEncoded) {
  PageMap map = full_map();
  map.runs.pop_back();
  EXPECT_DEATH(encode_page_map(map), "assumption");
}

// What a hostile or damaged message may hold. Each story changes one thing of a good message.
class HostilePageMap : public testing::Test {
 protected:
  HostilePageMap() {
    const Bytes bytes = encode_page_map(incremental_map());
    CHECK(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  }
  std::string verdict() {
    const Result<PageMap> decoded = decode_page_map(as_bytes(message.SerializeAsString()));
    if (decoded.ok()) return "accepted";
    EXPECT_EQ(decoded.error().kind, ErrorKind::kCorrupt);
    return decoded.error().message;
  }
  proto::PageMap message;
};

TEST_F(HostilePageMap, Unchanged) { EXPECT_EQ(verdict(), "accepted"); }

TEST_F(HostilePageMap, AHole) {
  message.set_run_blocks(5, 1);
  EXPECT_EQ(verdict(), "page map: runs do not reach the file's end");
}

TEST_F(HostilePageMap, MoreBlocksThanTheFileHas) {
  message.set_file_bytes(8 * kBlock);
  message.clear_page_hashes();
  EXPECT_EQ(verdict(), "page map: runs reach beyond the file's end");
}

TEST_F(HostilePageMap, AFileLargerThanItsRuns) {
  message.set_file_bytes(uint64_t{1} << 40);
  EXPECT_EQ(verdict(), "page map: runs do not reach the file's end");
  message.set_file_bytes(~uint64_t{0});
  EXPECT_EQ(verdict(), "page map: the file is too large");
}

TEST_F(HostilePageMap, AnEmptyRun) {
  message.add_run_blocks(0);
  message.add_run_frame(0);
  message.add_run_frame_block(0);
  EXPECT_EQ(verdict(), "page map: a run is empty");
}

TEST_F(HostilePageMap, ARunOutsideItsFrame) {
  message.set_run_frame_block(0, 3);
  EXPECT_EQ(verdict(), "page map: a run reaches beyond its frame");
  message.set_run_frame_block(0, ~0u);
  EXPECT_EQ(verdict(), "page map: a run reaches beyond its frame");
}

TEST_F(HostilePageMap, ARunInNoFrame) {
  message.set_run_frame(0, 4);
  EXPECT_EQ(verdict(), "page map: a run points to no frame");
  message.set_run_frame(0, -1);
  EXPECT_EQ(verdict(), "page map: a run points to no frame");
}

TEST_F(HostilePageMap, AFrameInNoPack) {
  message.set_frame_pack(0, 3);
  EXPECT_EQ(verdict(), "page map: a frame points to no pack");
  message.set_frame_pack(0, -1);
  EXPECT_EQ(verdict(), "page map: a frame points to no pack");
}

TEST_F(HostilePageMap, AFrameBeforeOrBeyondItsPack) {
  message.set_frame_offset(0, -1);
  EXPECT_EQ(verdict(), "page map: a frame lies outside its pack");
  message.set_frame_offset(0, std::numeric_limits<int64_t>::max());
  EXPECT_EQ(verdict(), "page map: a frame lies outside its pack");
  message.set_frame_offset(0, std::numeric_limits<int64_t>::min());
  EXPECT_EQ(verdict(), "page map: a frame lies outside its pack");
  message.set_frame_offset(0, ~0u);
  EXPECT_EQ(verdict(), "page map: a frame lies beyond the largest pack");
}

TEST_F(HostilePageMap, AFrameThatWouldNeedMuchMemory) {
  message.set_frame_content(0, 1 << 30);
  EXPECT_EQ(verdict(), "page map: a frame is too large");
  message.set_frame_content(0, 4 * kBlock);
  message.set_frame_length(0, 1 << 30);
  EXPECT_EQ(verdict(), "page map: a frame is stored in too many bytes");
}

TEST_F(HostilePageMap, ColumnsOfDifferentLength) {
  message.add_frame_length(1);
  EXPECT_EQ(verdict(), "page map: columns of frames differ in length");
  message.mutable_frame_length()->RemoveLast();
  message.mutable_frame_hash()->pop_back();
  EXPECT_EQ(verdict(), "page map: columns of frames differ in length");
  message.mutable_frame_hash()->push_back('x');
  message.add_run_frame_block(0);
  EXPECT_EQ(verdict(), "page map: columns of runs differ in length");
}

TEST_F(HostilePageMap, HashesForSomePagesOnly) {
  message.mutable_page_hashes()->RemoveLast();
  EXPECT_EQ(verdict(), "page map: not one hash for each page");
}

TEST_F(HostilePageMap, ABlockSizeOfNoPostgres) {
  for (uint32_t bytes : {0u, 1u, 512u, 8191u, 65536u}) {
    message.set_block_bytes(bytes);
    EXPECT_EQ(verdict(), "page map: no size of block that PostgreSQL has") << bytes;
  }
}

TEST_F(HostilePageMap, NoMessageAtAll) {
  EXPECT_EQ(decode_page_map(as_bytes("\xff\xff\xff\xff")).error().kind, ErrorKind::kCorrupt);
}

// Any byte changed: either refused, or a map that is whole in itself. Sanitizers watch.
TEST_F(HostilePageMap, NoChangedByteGivesABrokenMap) {
  const Bytes good = encode_page_map(incremental_map());
  for (size_t i = 0; i < good.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = good;
      changed[i] = static_cast<std::byte>(value);
      Result<PageMap> decoded = decode_page_map(changed);
      if (decoded.ok()) encode_page_map(*decoded);  // CHECKs the map
    }
  }
}

PageMap with_masked_hashes(PageMap map) {
  for (uint32_t block = 0; block < map.block_count(); ++block) {
    map.masked_hashes.push_back(block * 0x89abcdef);
  }
  return map;
}

TEST_F(HostilePageMap, MaskedHashesForSomePagesOnly) {
  const Bytes bytes = encode_page_map(with_masked_hashes(incremental_map()));
  CHECK(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  EXPECT_EQ(verdict(), "accepted");
  message.mutable_masked_hashes()->RemoveLast();
  EXPECT_EQ(verdict(), "page map: not one masked hash for each page");
}

// They must open for ever; WALKBACK_WRITE_GOLDEN=1 made them.
void expect_golden(const std::string& name, const PageMap& map) {
  const std::string path = WALKBACK_TESTDATA "/" + name;
  if (std::getenv("WALKBACK_WRITE_GOLDEN")) {
    std::ofstream(path, std::ios::binary) << as_text(encode_page_map(map));
  }
  std::ifstream file(path, std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  Result<PageMap> decoded = decode_page_map(as_bytes(golden));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  expect_same(*decoded, map);
  // And the bytes themselves are the same still: readers elsewhere may rely on them.
  EXPECT_EQ(as_text(encode_page_map(map)), golden);
}

TEST(PageMap, TheFirstVersionsGoldenFileOpens) {
  expect_golden("page_map_v1.pb", incremental_map());
}

TEST(PageMap, TheGoldenFileWithMaskedHashesOpens) {
  expect_golden("page_map_masked.pb", with_masked_hashes(incremental_map()));
}

}  // namespace
}  // namespace walkback::repo
