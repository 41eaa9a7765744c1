// Packs onto files that are there already: what is right stays, and only what is not is fetched.
#include <gmock/gmock.h>

#include <atomic>
#include <map>

#include "base/testing/seeds.h"
#include "pipeline/testing/copy_fixture.h"
#include "repo/pack.h"

namespace walkback::pipeline {
namespace {

using testing::HasSubstr;

constexpr size_t kPage = pg::kPageBytes;

// All that were copied, where files of their names may be.
class OntoFiles final : public TargetSource {
 public:
  explicit OntoFiles(const std::map<std::string, CopiedFile>& files)
      : files_(files), next_(files_.begin()) {}
  Result<std::optional<TargetFile>> next() override {
    if (next_ == files_.end()) return std::optional<TargetFile>();
    const auto& [name, file] = *next_++;
    TargetFile target{"/there/" + name, name, file.source.mode, file.map};
    target.may_exist = true;
    return std::optional(std::move(target));
  }

 private:
  const std::map<std::string, CopiedFile>& files_;
  std::map<std::string, CopiedFile>::const_iterator next_;
};

// Sees every write.
class CountingFiles final : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    return std::unique_ptr<File>(
        std::make_unique<Counting>(TRY(ForwardingFiles::open_write(path)), bytes_written));
  }
  std::atomic<uint64_t> bytes_written{0};

 private:
  class Counting final : public ForwardingFile {
   public:
    Counting(std::unique_ptr<File> inner, std::atomic<uint64_t>& bytes)
        : ForwardingFile(std::move(inner)), bytes_(bytes) {}
    Result<void> write_at(uint64_t offset, ByteView data) override {
      bytes_ += data.size();
      return ForwardingFile::write_at(offset, data);
    }

   private:
    std::atomic<uint64_t>& bytes_;
  };
};

class CopyOntoTest : public CopyTest {
 protected:
  CopyOntoTest() { disk.make_directory("/there", 0700).value(); }

  Result<CopyOutResult> restore_onto(int workers = 2) {
    OntoFiles targets(copied);
    return copy_out(counting, *objects, targets, {workers, "packs"}, silent_progress(), {});
  }
  void there(const std::string& name, ByteView bytes) { write("/there/" + name, bytes); }
  void expect_there(const std::string& name, ByteView expected) {
    EXPECT_EQ(content("/there/" + name), to_bytes(expected)) << name;
  }
  // As another moment had it.
  Bytes with_other_pages(ByteView relation, std::initializer_list<size_t> blocks) {
    Bytes other = to_bytes(relation);
    for (const size_t block : blocks) other[block * kPage + 4000] ^= std::byte{1};
    return other;
  }

  CountingFiles counting{disk};
};

TEST_F(CopyOntoTest, WhatIsRightIsNeitherFetchedNorWritten) {
  const Bytes relation = pages(50);
  const Bytes other = random.bytes(10 * kPage + 5);
  add_relation("16384", relation);
  add_file("other", other);
  add_file("empty", {});
  back_up().value();
  there("16384", relation);
  there("other", other);
  there("empty", {});
  const CopyOutResult result = restore_onto().value();
  EXPECT_EQ(result.files, 3u);
  EXPECT_EQ(result.bytes_fetched, 0u);
  EXPECT_EQ(result.bytes_written, 0u);
  EXPECT_EQ(result.bytes_right, relation.size() + other.size());
  EXPECT_EQ(counting.bytes_written, 0u);
}

TEST_F(CopyOntoTest, OfAPageThatDiffersItsFrameIsFetchedAndItAloneWritten) {
  const Bytes relation = pages(50);  // frames of 4 pages
  add_relation("16384", relation);
  const CopyInResult backed_up = back_up().value();
  there("16384", with_other_pages(relation, {0, 21, 22, 49}));
  const CopyOutResult result = restore_onto().value();
  expect_there("16384", relation);
  EXPECT_EQ(counting.bytes_written, 4 * kPage);
  EXPECT_EQ(result.bytes_right, 46 * kPage);
  EXPECT_LT(result.bytes_fetched, backed_up.bytes_stored / 3) << "3 of 13 frames";
  EXPECT_GT(result.bytes_fetched, 0u);
}

TEST_F(CopyOntoTest, TornPagesAreTold) {
  const Bytes relation = pages(8);
  add_relation("16384", relation);
  back_up().value();
  Bytes torn = relation;
  const Bytes later = pages(8);
  std::copy_n(later.begin() + 3 * kPage, 512, torn.begin() + 3 * kPage);
  there("16384", torn);
  EXPECT_EQ(restore_onto().value().bytes_written, kPage);
  expect_there("16384", relation);
}

TEST_F(CopyOntoTest, AFileIsCutOrExtendedToItsSize) {
  const Bytes relation = pages(23);
  const Bytes odd = random.bytes(3 * kPage + 77);
  add_relation("long", relation);
  add_relation("short", relation);
  add_relation("none", relation);
  add_file("odd", odd);
  add_file("empty", {});
  back_up().value();
  Bytes longer = relation;
  const Bytes more = pages(9);
  longer.insert(longer.end(), more.begin(), more.end());
  there("long", longer);
  there("short", ByteView(relation).first(10 * kPage + 100));
  there("odd", ByteView(odd).first(9));
  there("empty", odd);
  const CopyOutResult result = restore_onto().value();
  for (const char* name : {"long", "short", "none"}) expect_there(name, relation);
  expect_there("odd", odd);
  expect_there("empty", {});
  EXPECT_EQ(result.bytes_right, 33 * kPage);
}

TEST_F(CopyOntoTest, ZeroPagesThatAreAHoleAreRight) {
  add_relation("16384", Bytes(6 * kPage));
  back_up().value();
  there("16384", {});
  EXPECT_EQ(restore_onto().value().bytes_written, 0u);
  expect_there("16384", Bytes(6 * kPage));
}

TEST_F(CopyOntoTest, ALinkIsReplacedAndNotWrittenThrough) {
  const Bytes relation = pages(5);
  const Bytes precious = random.bytes(500);
  add_relation("16384", relation);
  back_up().value();
  write("/elsewhere", precious);
  disk.make_symlink("/elsewhere", "/there/16384").value();
  restore_onto().value();
  expect_there("16384", relation);
  EXPECT_EQ(content("/elsewhere"), precious);
  EXPECT_EQ(disk.link_status("/there/16384").value()->type, FileType::kRegular);
}

// `cp -al` and pg_upgrade --link: another cluster may have the same file under another name.
class LinkedFiles final : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  Result<std::optional<FileInfo>> link_status(const std::string& path) override {
    std::optional<FileInfo> info = TRY(ForwardingFiles::link_status(path));
    if (info && path == linked) info->links = 2;
    return info;
  }
  Result<std::unique_ptr<File>> open_write(const std::string& path) override {
    EXPECT_NE(path, linked) << "written in place";
    return ForwardingFiles::open_write(path);
  }
  std::string linked;
};

TEST_F(CopyOntoTest, AFileOfSeveralNamesIsReplacedAndNotWrittenInPlace) {
  const Bytes relation = pages(5);
  add_relation("16384", relation);
  back_up().value();
  there("16384", with_other_pages(relation, {1}));
  LinkedFiles linked(disk);
  linked.linked = "/there/16384";
  OntoFiles targets(copied);
  copy_out(linked, *objects, targets, {2, "packs"}, silent_progress(), {}).value();
  expect_there("16384", relation);
}

TEST_F(CopyOntoTest, ADamagedFrameIsFoundAndNotWritten) {
  const Bytes relation = pages(8);
  add_relation("16384", relation);
  options.workers = 1;
  const CopyInResult backed_up = back_up().value();
  const store::ObjectKey key = repo::pack_key("packs", backed_up.packs.at(0).id);
  Bytes pack = objects->get(key).value().value();
  const Bytes wrong = with_other_pages(relation, {0});
  for (size_t i = 0; i < pack.size(); i += 97) {
    SCOPED_TRACE(i);
    Bytes changed = pack;
    changed[i] ^= std::byte{4};
    objects->remove(key).value();
    objects->put(key, changed).value();
    there("16384", wrong);
    const Result<CopyOutResult> result = restore_onto(1);
    if (result.ok()) {
      expect_there("16384", relation);  // the other frame, which was not wanted
    } else {
      EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
      EXPECT_THAT(result.error().message, HasSubstr("16384"));
      expect_there("16384", wrong);
    }
  }
}

// Of a frame whose first page alone is wanted the rest is not decoded, so its hash says nothing.
TEST_F(CopyOntoTest, AWholeFrameOfOtherPagesIsFoundThoughOnePageOfItIsWanted) {
  const Bytes relation = pages(8);
  add_relation("16384", relation);
  back_up().value();
  repo::PageMap& map = copied.at("16384").map;
  ASSERT_EQ(map.frames.size(), 2u);
  map.frames[0].location = map.frames[1].location;
  map.frames[0].stored_hash = map.frames[1].stored_hash;
  const Bytes wrong = with_other_pages(relation, {0});
  there("16384", wrong);
  const Result<CopyOutResult> result = restore_onto();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, ErrorKind::kCorrupt);
  expect_there("16384", wrong);
}

// A file of several backups, by seed: its blocks lie in runs of any length in frames of many packs.
TEST_F(CopyOntoTest, AnyStateOfAFileBecomesTheBackups) {
  const Seeds seeds = test_seeds(20);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom chance(seed);
    const uint32_t count = 1 + static_cast<uint32_t>(chance.below(200));
    Bytes relation = pages(count);
    copied.clear();
    add_relation("16384", relation);
    back_up().value();
    for (int backup = 0; backup < 3; ++backup) {
      const repo::PageMap parent = std::move(copied.at("16384").map);
      copied.clear();
      BlocksToRead blocks;
      for (uint32_t block = 0; block < count; ++block) {
        if (!chance.percent(10)) continue;
        std::ranges::copy(pages(1, block), relation.begin() + block * kPage);
        blocks.changed.push_back(block);
      }
      add_relation("16384", relation);
      listed.files.back().parent =
          ParentCopy{[parent]() -> Result<repo::PageMap> { return parent; },
                     std::make_shared<BlocksToRead>(std::move(blocks))};
      back_up().value();
    }
    Bytes state = relation;
    for (uint32_t block = 0; block < count; ++block) {
      if (chance.percent(5)) state[block * kPage + chance.below(kPage)] ^= std::byte{8};
    }
    state.resize(chance.below(2 * state.size()));
    there("16384", state);
    const CopyOutResult result = restore_onto(1 + static_cast<int>(chance.below(4))).value();
    expect_there("16384", relation);
    EXPECT_EQ(result.bytes_right + result.bytes_written, relation.size());
  }
}

}  // namespace
}  // namespace walkback::pipeline
