// What the WAL says did not change is read again, and held against what the parent has.
#include <gmock/gmock.h>

#include "pipeline/testing/copy_changes_fixture.h"
#include "pipeline/unlogged_changes.h"

namespace walkback::pipeline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Reread : public CopyChanges {
 protected:
  Reread() { options.reread_blocks = 8; }

  void back_up_heap(uint32_t count) {
    relation_ = heap(count);
    add("16384", {}, {});
    back_up().value();
    next_backup();
  }
  // A table's pages, each with one row that nobody has looked at yet.
  Bytes heap(uint32_t count) {
    Bytes all = random.bytes(count * kPage);
    for (uint32_t block = 0; block < count; ++block) {
      const MutableBytes one = page(all, block);
      const uint16_t header[8] = {0, 0, 28, 8000, 8192, 0x2004, 0, 0};
      std::memcpy(one.data() + 8, header, sizeof header);
      const uint32_t line = 8000 | 1 << 15 | 192 << 17;
      std::memcpy(one.data() + 24, &line, sizeof line);
      set(one, kInfomask, 0x0802);
      set(one, 8016, 1);
      stamp(one, block, kBeforeStart);
    }
    return all;
  }
  static void set(MutableBytes page, size_t at, uint16_t value) {
    std::memcpy(page.data() + at, &value, sizeof value);
  }
  void hint(uint32_t block) {
    set(page(relation_, block), kInfomask, 0x0902);
    if (checksums_) stamp(page(relation_, block), block, kBeforeStart);
  }
  void spoil(uint32_t block, pg::Lsn lsn = kBeforeStart) {
    page(relation_, block)[8100] ^= std::byte{1};
    stamp(page(relation_, block), block, lsn);
  }
  void add(const std::string& name, BlocksToRead blocks, std::vector<uint32_t> turns) {
    const bool has_parent = parents_.contains(name);
    if (has_parent) {
      add_changed(name, relation_, std::move(blocks));
      listed.files.back().parent->turns = std::move(turns);
    } else {
      add_relation(name, relation_);
    }
    listed.files.back().relation->checksums = checksums_;
  }
  std::vector<uint32_t> unexplained() {
    std::vector<uint32_t> blocks;
    for (const UnexplainedBlock& one : copied.at("16384").unexplained) blocks.push_back(one.block);
    return blocks;
  }

  static constexpr size_t kInfomask = 8020;
  bool checksums_ = true;
  Bytes relation_;
};

TEST_F(Reread, ATurnsBlocksAreReadAndNothingIsStored) {
  back_up_heap(30);
  add("16384", {}, {1, 3});
  const CopyInResult result = back_up().value();
  EXPECT_EQ(result.bytes_read, 14 * kPage);
  EXPECT_EQ(result.bytes_reread, 14 * kPage);
  EXPECT_EQ(result.bytes_stored, 0u);
  EXPECT_TRUE(copied.at("16384").is_as_parent);
  EXPECT_THAT(unexplained(), IsEmpty());
  expect_restorable("16384", relation_);
}

TEST_F(Reread, WhatChangedIsNotReadTwice) {
  back_up_heap(30);
  spoil(9);
  spoil(29);
  add("16384", {{9, 29}}, {1});
  const CopyInResult result = back_up().value();
  EXPECT_EQ(result.bytes_read, 9 * kPage);
  EXPECT_EQ(result.bytes_reread, 7 * kPage);
  EXPECT_THAT(unexplained(), IsEmpty());
  EXPECT_FALSE(copied.at("16384").is_as_parent);
  expect_restorable("16384", relation_);
}

TEST_F(Reread, AChangeThatNobodyNamedIsFoundInItsTurn) {
  back_up_heap(30);
  spoil(12);
  add("16384", {}, {0, 2});
  back_up().value();
  EXPECT_THAT(unexplained(), IsEmpty()) << "not its turn";
  copied.clear();
  add("16384", {}, {1});
  back_up().value();
  EXPECT_THAT(unexplained(), ElementsAre(12));
  EXPECT_EQ(copied.at("16384").unexplained[0].lsn, kBeforeStart);
  EXPECT_FALSE(copied.at("16384").unexplained[0].maybe_replayed);
  expect_restorable("16384", relation_);
}

TEST_F(Reread, HintsAreNoChangeAndAreNotStored) {
  for (const bool checksums : {true, false}) {
    checksums_ = checksums;
    parents_.clear();
    back_up_heap(8);
    const Bytes as_it_was = relation_;
    for (uint32_t block = 0; block < 8; block += 3) hint(block);
    add("16384", {}, {0});
    EXPECT_EQ(back_up().value().bytes_stored, 0u);
    EXPECT_THAT(unexplained(), IsEmpty());
    EXPECT_TRUE(copied.at("16384").is_as_parent);
    expect_restorable("16384", as_it_was);
    next_backup();
  }
}

TEST_F(Reread, APageCaughtWhileItWasWrittenIsReadAgain) {
  checksums_ = false;
  back_up_heap(8);
  const Bytes whole = relation_;
  spoil(3);
  add("16384", {}, {0});
  int reads = 0;
  files.before_read = [&](const std::string&, uint64_t offset) {
    if (offset != 3 * kPage || ++reads < 2) return;
    disk.open_write("/data/16384").value()->write_at(0, whole).value();
  };
  back_up().value();
  EXPECT_EQ(reads, 2);
  EXPECT_THAT(unexplained(), IsEmpty());
  EXPECT_TRUE(copied.at("16384").is_as_parent);
}

TEST_F(Reread, AChangeDuringTheBackupIsReplayed) {
  back_up_heap(16);
  spoil(3, pg::Lsn{kStartLsn.value + 5});
  spoil(4, pg::Lsn{kStartLsn.value + 7});
  spoil(5, pg::Lsn{kStartLsn.value + 6});
  add("16384", {}, {0, 1});
  options.frame_bytes = 16 * kPage;
  back_up().value();
  ASSERT_THAT(unexplained(), ElementsAre(4)) << "the farthest is held against the backup's stop";
  EXPECT_TRUE(copied.at("16384").unexplained[0].maybe_replayed);
  expect_restorable("16384", relation_);
}

TEST_F(Reread, OfAPageThatIsDamagedNowWhatTheParentHasStays) {
  back_up_heap(16);
  const Bytes whole = relation_;
  page(relation_, 9)[5000] ^= std::byte{1};
  add("16384", {}, {1});
  EXPECT_EQ(back_up().value().bytes_stored, 0u);
  EXPECT_THAT(copied.at("16384").bad_blocks, ElementsAre(9));
  EXPECT_THAT(unexplained(), IsEmpty());
  expect_restorable("16384", whole);
  // In the next backup too, and once it is mended there is nothing to it.
  next_backup();
  add("16384", {{}, UINT32_MAX, {9}}, {});
  EXPECT_EQ(back_up().value().bytes_read, 6 * kPage) << "read again five times";
  EXPECT_THAT(copied.at("16384").bad_blocks, ElementsAre(9));
  expect_restorable("16384", whole);
  next_backup();
  relation_ = whole;
  add("16384", {{}, UINT32_MAX, {9}}, {});
  back_up().value();
  EXPECT_THAT(copied.at("16384").bad_blocks, IsEmpty());
  EXPECT_THAT(unexplained(), IsEmpty());
  expect_restorable("16384", whole);
}

TEST_F(Reread, ADamagedPageMayBeMendedInWhateverWay) {
  relation_ = heap(8);
  page(relation_, 5)[5000] ^= std::byte{1};
  add("16384", {}, {});
  back_up().value();
  EXPECT_THAT(copied.at("16384").bad_blocks, ElementsAre(5));
  next_backup();
  spoil(5);
  add("16384", {{}, UINT32_MAX, {5}}, {0});
  back_up().value();
  EXPECT_THAT(copied.at("16384").bad_blocks, IsEmpty());
  EXPECT_THAT(unexplained(), IsEmpty());
  expect_restorable("16384", relation_);
}

TEST_F(Reread, AMapOfBeforeLearnsWhatItLacks) {
  back_up_heap(16);
  parents_.at("16384").masked_hashes.clear();
  spoil(2);
  add("16384", {}, {0});
  back_up().value();
  EXPECT_THAT(unexplained(), IsEmpty()) << "there is nothing to hold it against";
  expect_restorable("16384", relation_);
  EXPECT_NE(copied.at("16384").map.masked_hashes[7], 0u);
  EXPECT_EQ(copied.at("16384").map.masked_hashes[8], 0u);
  next_backup();
  spoil(7);
  spoil(8);
  add("16384", {}, {0, 1});
  back_up().value();
  EXPECT_THAT(unexplained(), ElementsAre(7));
  expect_restorable("16384", relation_);
}

TEST_F(Reread, WhatLiesInThinPacksIsStoredAnewInItsTurn) {
  back_up_heap(16);
  repo::PackIds thin;
  for (const repo::Frame& frame : parents_.at("16384").frames) thin.insert(frame.location.pack);
  add("16384", {}, {1});
  listed.files.back().parent->thin_packs = &thin;
  const CopyInResult result = back_up().value();
  EXPECT_EQ(result.bytes_reread, 8 * kPage);
  EXPECT_GT(result.bytes_stored, 8 * kPage);
  const repo::PageMap& map = copied.at("16384").map;
  for (const repo::Run& run : map.runs) {
    EXPECT_EQ(thin.contains(map.frames[run.frame].location.pack), run.first_block < 8);
  }
  expect_restorable("16384", relation_);
}

TEST_F(Reread, AFileWithoutPagesLeavesThinPacksToo) {
  const Bytes content = random.bytes(6 * kPage + 5);
  add_file("pg_xact", content);
  back_up().value();
  next_backup();
  repo::PackIds thin;
  for (const repo::Frame& frame : parents_.at("pg_xact").frames) thin.insert(frame.location.pack);
  add_file("pg_xact", content);
  listed.files.back().parent = parent("pg_xact");
  listed.files.back().parent->thin_packs = &thin;
  EXPECT_EQ(back_up().value().bytes_stored, 0u);
  copied.clear();
  add_file("pg_xact", content);
  listed.files.back().parent = parent("pg_xact");
  listed.files.back().parent->thin_packs = &thin;
  listed.files.back().parent->turns = {0};
  EXPECT_GT(back_up().value().bytes_stored, 6 * kPage);
  for (const repo::Frame& frame : copied.at("pg_xact").map.frames) {
    EXPECT_FALSE(thin.contains(frame.location.pack));
  }
  expect_restorable("pg_xact", content);
}

TEST_F(Reread, AFileShorterThanABlockLeavesThinPacksToo) {
  const Bytes content = random.bytes(512);
  add_file("pg_filenode.map", content);
  back_up().value();
  next_backup();
  const repo::PackIds thin{parents_.at("pg_filenode.map").frames[0].location.pack};
  add_file("pg_filenode.map", content);
  listed.files.back().parent = parent("pg_filenode.map");
  listed.files.back().parent->thin_packs = &thin;
  listed.files.back().parent->turns = {0};
  EXPECT_GT(back_up().value().bytes_stored, 512u);
  EXPECT_FALSE(thin.contains(copied.at("pg_filenode.map").map.frames[0].location.pack));
  expect_restorable("pg_filenode.map", content);
}

TEST(MaskedHash, IsNeverUnknown) {
  const Bytes zero(pg::kPageBytes);
  EXPECT_NE(masked_hash(zero), 0u);
}

}  // namespace
}  // namespace walkback::pipeline
