// A data directory into packs and out again, while a server goes on writing.
#include <gmock/gmock.h>

#include <atomic>

#include "codec/frame.h"
#include "pipeline/testing/copy_fixture.h"
#include "repo/pack.h"
#include "store/testing/faulty_store.h"

namespace walkback::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr size_t kPage = pg::kPageBytes;

TEST_F(CopyTest, FilesComeBackAsTheyWere) {
  const Bytes relation = pages(23);
  const Bytes second_segment = pages(9, pg::kRelationSegmentBlocks);
  const Bytes configuration = random.bytes(777);
  const Bytes large = random.bytes(10 * kPage + 5);
  add_relation("16384", relation);
  add_file("PG_VERSION", configuration);
  add_relation("16384.1", second_segment, pg::kRelationSegmentBlocks);
  add_file("empty", {});
  add_file("large", large);
  const CopyInResult result = back_up().value();
  EXPECT_EQ(result.files, 5u);
  EXPECT_EQ(result.bytes_raw, 32 * kPage + 777 + large.size());
  EXPECT_EQ(result.bytes_read, result.bytes_raw);
  for (const auto& [name, file] : copied) EXPECT_TRUE(file.bad_blocks.empty()) << name;

  const CopyOutResult restored = restore("/restored").value();
  EXPECT_EQ(restored.files, 5u);
  EXPECT_EQ(restored.bytes_written, result.bytes_raw);
  EXPECT_EQ(restored.bytes_fetched, result.bytes_stored);
  expect_restored("16384", relation);
  expect_restored("16384.1", second_segment);
  expect_restored("PG_VERSION", configuration);
  expect_restored("empty", {});
  expect_restored("large", large);
}

TEST_F(CopyTest, AnyNumberOfWorkersGivesTheSameFiles) {
  const Bytes relation = pages(500);
  for (int workers : {1, 2, 3, 8}) {
    options.workers = workers;
    copied.clear();
    add_relation("16384", relation);
    back_up().value();
    restore("/restored-" + std::to_string(workers), workers).value();
    expect_restored("16384", relation);
  }
}

TEST_F(CopyTest, ManySmallFilesComeBack) {
  std::map<std::string, Bytes> expected;
  for (int i = 0; i < 300; ++i) {
    const std::string name = std::to_string(16384 + i);
    expected[name] = pages(static_cast<uint32_t>(i % 3));
    add_relation(name, expected[name]);
  }
  EXPECT_EQ(back_up().value().files, 300u);
  restore("/restored").value();
  for (const auto& [name, bytes] : expected) expect_restored(name, bytes);
}

TEST_F(CopyTest, EachPageOfARelationHasItsHashAndOtherFilesHaveNone) {
  const Bytes relation = pages(9);
  add_relation("16384", relation);
  add_file("other", relation);
  back_up().value();
  const repo::PageMap& map = copied.at("16384").map;
  ASSERT_EQ(map.page_hashes.size(), 9u);
  for (size_t i = 0; i < 9; ++i) {
    EXPECT_EQ(map.page_hashes[i], codec::hash_page(ByteView(relation).subspan(i * kPage, kPage)));
  }
  EXPECT_TRUE(copied.at("other").map.page_hashes.empty());
}

TEST_F(CopyTest, PacksHoldNothingButFrames) {
  const Bytes relation = pages(40);
  add_relation("16384", relation);
  options.workers = 1;
  const CopyInResult result = back_up().value();
  EXPECT_GT(result.packs.size(), 2u);
  Bytes all;
  const repo::PageMap& map = copied.at("16384").map;
  repo::PackId last{};
  for (const repo::Frame& frame : map.frames) {
    if (frame.location.pack == last) continue;
    last = frame.location.pack;
    const Bytes pack = objects->get(repo::pack_key("packs", last)).value().value();
    const Bytes part = codec::decode_stream(pack, 1 << 20).value();
    all.insert(all.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, relation);
}

TEST_F(CopyTest, EveryMapCanBeWrittenDown) {
  add_relation("16384", pages(23));
  add_file("odd", random.bytes(3 * kPage + 1));
  add_file("empty", {});
  back_up().value();
  for (auto& [name, file] : copied) {
    file.map = repo::decode_page_map(repo::encode_page_map(file.map)).value();
  }
  EXPECT_TRUE(restore("/restored").ok());
}

// --- a server at work ---

TEST_F(CopyTest, AFileThatVanishedBeforeItWasOpenedIsLeftOut) {
  add_relation("16384", pages(3));
  add_relation("16385", pages(3));
  disk.remove("/data/16384").value();
  EXPECT_EQ(back_up().value().files, 1u);
  EXPECT_EQ(copied.count("16384"), 0u);
  EXPECT_EQ(copied.count("16385"), 1u);
}

TEST_F(CopyTest, AFileThatVanishesWhileItIsReadIsReadToItsEnd) {
  const Bytes relation = pages(23);
  add_relation("16384", relation);
  files.before_read = [&](const std::string& path, uint64_t offset) {
    if (offset == 0) disk.remove(path).value();
  };
  back_up().value();
  restore("/restored").value();
  expect_restored("16384", relation);
}

TEST_F(CopyTest, WhatAFileGrowsAfterItWasOpenedIsLeftToReplay) {
  const Bytes relation = pages(23);
  add_relation("16384", relation);
  std::atomic<bool> grown = false;
  files.before_read = [&](const std::string& path, uint64_t) {
    if (!grown.exchange(true)) {
      disk.open_write(path).value()->write_at(relation.size(), pages(5, 23)).value();
    }
  };
  back_up().value();
  restore("/restored").value();
  expect_restored("16384", relation);
}

// Workers may already have read further on: whatever they found there, the file ends where it was
// cut.
TEST_F(CopyTest, AFileTruncatedWhileItIsReadIsCoveredAsFarAsItWasThere) {
  for (size_t left : {size_t{0}, kPage, 4 * kPage, 6 * kPage, 6 * kPage + 100}) {
    for (int workers : {1, 3}) {
      options.workers = workers;
      copied.clear();
      const Bytes relation = pages(23);
      add_relation("16384", relation);
      std::atomic<int> reads = 0;
      files.before_read = [&](const std::string& path, uint64_t) {
        if (++reads == 3) disk.open_write(path).value()->truncate(left).value();
      };
      back_up().value();
      files.before_read = nullptr;
      const repo::PageMap& map = copied.at("16384").map;
      EXPECT_GE(map.file_bytes, left);
      EXPECT_LT(map.file_bytes, relation.size());
      EXPECT_EQ(map.page_hashes.size(), map.block_count());
      const std::string into = "/restored-" + std::to_string(left) + "-" + std::to_string(workers);
      restore(into).value();
      expect_restored("16384", ByteView(relation).first(map.file_bytes));
    }
  }
}

TEST_F(CopyTest, ATornPageIsReadAgain) {
  const Bytes relation = pages(9);
  add_relation("16384", relation);
  std::atomic<int> tears = 2;
  files.after_read = [&](const std::string&, uint64_t offset, MutableBytes read) {
    // Page 6 is in the second piece; the first two reads of it find it half written.
    const uint64_t page = 6 * kPage;
    if (offset > page || offset + read.size() <= page) return;
    if (tears-- > 0)
      std::fill_n(read.begin() + static_cast<ptrdiff_t>(page - offset + 4096), 4096, std::byte{});
  };
  const CopyInResult result = back_up().value();
  EXPECT_TRUE(copied.at("16384").bad_blocks.empty());
  EXPECT_EQ(result.bytes_read, result.bytes_raw + 2 * kPage);
  restore("/restored").value();
  expect_restored("16384", relation);
}

TEST_F(CopyTest, ABadPageIsReportedByItsBlockAndKeptAsItIs) {
  Bytes relation = pages(23, 1000);
  relation[4 * kPage + 5000] ^= std::byte{1};
  relation[17 * kPage + 24] ^= std::byte{1};
  add_relation("16384.1", relation, 1000);
  back_up().value();
  EXPECT_THAT(copied.at("16384.1").bad_blocks, ElementsAre(4, 17));
  restore("/restored").value();
  expect_restored("16384.1", relation);
}

TEST_F(CopyTest, ABadPageThatReplayMayReplaceIsReportedWithItsLsn) {
  Bytes relation = pages(9, 0, kStartLsn + 8);
  relation[4 * kPage + 5000] ^= std::byte{1};
  add_relation("16384", relation);
  back_up().value();
  EXPECT_TRUE(copied.at("16384").bad_blocks.empty());
  ASSERT_EQ(copied.at("16384").doubtful_blocks.size(), 1u);
  EXPECT_EQ(copied.at("16384").doubtful_blocks[0].block, 4u);
  EXPECT_EQ(copied.at("16384").doubtful_blocks[0].lsn, kStartLsn + 8);
}

TEST_F(CopyTest, WithoutChecksumsNoPageIsBad) {
  add_relation("16384", random.bytes(9 * kPage));
  listed.files.back().relation->checksums = false;
  back_up().value();
  EXPECT_TRUE(copied.at("16384").bad_blocks.empty());
  EXPECT_EQ(copied.at("16384").map.page_hashes.size(), 9u);
}

TEST_F(CopyTest, AFileFullOfBadPagesDoesNotTakeAPauseForEach) {
  add_relation("16384", random.bytes(400 * kPage));
  options.frame_bytes = 128 * kPage;
  const auto before = std::chrono::steady_clock::now();
  back_up().value();
  EXPECT_EQ(copied.at("16384").bad_blocks.size(), 400u);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

// --- failures ---

TEST_F(CopyTest, AFileThatCannotBeReadFailsTheBackupAndIsNamed) {
  add_relation("16384", pages(9));
  disk.deny("/data/16384");
  const Result<CopyInResult> outcome = back_up();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kDenied);
  EXPECT_THAT(outcome.error().message, HasSubstr("/data/16384"));
}

TEST_F(CopyTest, AStopInTheMiddleEndsSoonAndSaysCancelled) {
  std::stop_source stop;
  for (int i = 0; i < 50; ++i) add_relation(std::to_string(16384 + i), pages(20));
  std::atomic<int> reads = 0;
  files.before_read = [&](const std::string&, uint64_t) {
    if (++reads == 30) stop.request_stop();
  };
  const Result<CopyInResult> outcome = back_up(stop.get_token());
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().kind, ErrorKind::kCancelled);
  EXPECT_LT(reads, 40);
}

// Every call may fail: the copy either fails, as transient, or everything it says is there is
// there.
TEST_F(CopyTest, AStoreThatFailsNowAndThenNeverGivesAWrongSuccess) {
  int failures = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    auto whole = store::make_memory_store();
    auto faulty = store::make_faulty_store(*whole, {seed, static_cast<unsigned>(seed % 12)});
    copied.clear();
    listed.files.clear();
    const Bytes relation = pages(60);
    add_relation("16384", relation);
    const Result<CopyInResult> outcome =
        copy_in(files, *faulty, clock, random, listed, sink, options, silent_progress(), {});
    if (!outcome.ok()) {
      EXPECT_EQ(outcome.error().kind, ErrorKind::kTransient) << outcome.error().message;
      ++failures;
      continue;
    }
    objects = std::move(whole);
    restore("/restored-" + std::to_string(seed)).value();
    expect_restored("16384", relation);
  }
  EXPECT_GT(failures, 10);
  EXPECT_LT(failures, 60);
}

TEST_F(CopyTest, ASinkThatFailsFailsTheBackup) {
  class FullSink final : public CopiedFileSink {
    Result<void> accept(CopiedFile) override { return make_error(ErrorKind::kNoSpace, "full"); }
  } full;
  add_relation("16384", pages(9));
  EXPECT_EQ(copy_in(files, *objects, clock, random, listed, full, options, silent_progress(), {})
                .error()
                .kind,
            ErrorKind::kNoSpace);
}

TEST_F(CopyTest, NothingIsWrittenOverWhatIsThere) {
  add_relation("16384", pages(9));
  back_up().value();
  disk.make_directory("/restored", 0700).value();
  write("/restored/16384", as_bytes("mine"));
  EXPECT_EQ(restore("/restored").error().kind, ErrorKind::kConflict);
  EXPECT_EQ(as_text(content("/restored/16384")), "mine");
}

// --- maps of many backups ---

// Pages of the file as three backups left them: each run lies in some frame of some pack, in any
// order.
TEST_F(CopyTest, AMapOverManyPacksAndFramesIsRestoredAndEachFrameFetchedOnce) {
  const Bytes first = pages(40);
  const Bytes second = pages(40);
  add_relation("old", first);
  add_relation("new", second);
  back_up().value();
  const repo::PageMap old_map = copied.at("old").map;
  const repo::PageMap new_map = copied.at("new").map;
  CopiedFile mixed = copied.at("old");
  mixed.map.frames.insert(mixed.map.frames.end(), new_map.frames.begin(), new_map.frames.end());
  mixed.map.runs.clear();
  Bytes expected = first;
  for (uint32_t block = 0; block < 40; ++block) {
    const bool changed = block % 3 == 1;
    mixed.map.runs.push_back({block, 1, block / 4 + (changed ? 10 : 0), block % 4});
    const Bytes& from = changed ? second : first;
    std::copy_n(from.begin() + block * kPage, kPage, expected.begin() + block * kPage);
    if (changed) mixed.map.page_hashes[block] = new_map.page_hashes[block];
  }
  mixed.map = repo::decode_page_map(repo::encode_page_map(mixed.map)).value();
  copied.clear();
  copied["mixed"] = mixed;
  const CopyOutResult result = restore("/restored").value();
  expect_restored("mixed", expected);
  uint64_t stored = 0;
  for (const repo::Frame& frame : mixed.map.frames) stored += frame.location.length;
  EXPECT_EQ(result.bytes_fetched, stored);
}

}  // namespace
}  // namespace walkback::pipeline
