// What changed since an earlier backup is copied; every map stays complete.
#include <gmock/gmock.h>

#include <random>

#include "pipeline/testing/copy_changes_fixture.h"

namespace walkback::pipeline {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(CopyChanges, OnlyTheBlocksNamedAreReadAndStored) {
  Bytes relation = pages(100);
  add_relation("16384", relation);
  const CopyInResult full = back_up().value();
  next_backup();
  for (const uint32_t block : {3u, 4u, 50u, 99u}) change(relation, block);
  add_changed("16384", relation, {{3, 4, 50, 99}});
  const CopyInResult changes = back_up().value();
  EXPECT_EQ(changes.bytes_read, 4 * kPage);
  EXPECT_EQ(changes.bytes_raw, full.bytes_raw);
  EXPECT_LT(changes.bytes_stored, 5 * kPage);
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, NothingNamedIsNothingRead) {
  const Bytes relation = pages(10);
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  add_changed("16384", relation, {});
  const CopyInResult changes = back_up().value();
  EXPECT_EQ(changes.bytes_read, 0u);
  EXPECT_THAT(changes.packs, IsEmpty());
  EXPECT_EQ(copied.at("16384").map.runs.size(), parents_.at("16384").runs.size());
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, WhatIsNewBehindTheParentsEndIsReadWithoutBeingNamed) {
  Bytes relation = pages(10);
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  const Bytes more = pages(7, 10);
  relation.insert(relation.end(), more.begin(), more.end());
  add_changed("16384", relation, {});
  EXPECT_EQ(back_up().value().bytes_read, 7 * kPage);
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, AFileThatBecameShorterLosesWhatTheParentHas) {
  Bytes relation = pages(20);
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  relation.resize(7 * kPage);
  change(relation, 6);
  add_changed("16384", relation, {{2}, 5});
  const CopyInResult changes = back_up().value();
  EXPECT_EQ(changes.bytes_read, 3 * kPage);
  EXPECT_EQ(changes.bytes_raw, 7 * kPage);
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, AFileThatWasMadeAnewIsReadWhole) {
  add_relation("16384", pages(20));
  back_up().value();
  next_backup();
  const Bytes another = pages(9);
  add_changed("16384", another, {{}, 0});
  EXPECT_EQ(back_up().value().bytes_read, 9 * kPage);
  expect_restorable("16384", another);
}

TEST_F(CopyChanges, AShortBlockAtTheEndIsReadEachTime) {
  Bytes relation = pages(10);
  relation.resize(9 * kPage + 100);
  listed.files.clear();
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  const Bytes rest = random.bytes(kPage - 100);
  relation.insert(relation.end(), rest.begin(), rest.end());
  stamp(page(relation, 9), 9, kBeforeStart);
  add_changed("16384", relation, {});
  EXPECT_EQ(back_up().value().bytes_read, kPage);
  expect_restorable("16384", relation);
  next_backup();
  relation.resize(9 * kPage + 5);
  add_changed("16384", relation, {});
  EXPECT_EQ(back_up().value().bytes_read, 5u);
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, ComparedPagesAreStoredWhereTheyDiffer) {
  Bytes relation = pages(64);
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  change(relation, 17);
  add_compared("16384", relation);
  const CopyInResult changes = back_up().value();
  EXPECT_EQ(changes.bytes_read, 64 * kPage);
  EXPECT_LT(changes.bytes_stored, 2 * kPage);
  expect_restorable("16384", relation);
}

TEST_F(CopyChanges, AFileWithoutPagesIsStoredAgainWhereAFrameDiffers) {
  Bytes file = random.bytes(10 * kPage + 7);
  add_file("pg_xact", file);
  back_up().value();
  next_backup();
  add_file("pg_xact", file);
  listed.files.back().parent = parent("pg_xact");
  EXPECT_EQ(back_up().value().bytes_stored, 0u);
  expect_restorable("pg_xact", file);
  next_backup();
  file[5 * kPage] ^= std::byte{1};
  file.resize(10 * kPage + 9);
  add_file("pg_xact", file);
  listed.files.back().parent = parent("pg_xact");
  const CopyInResult changes = back_up().value();
  EXPECT_GT(changes.bytes_stored, 6 * kPage) << "the frame of four blocks, and the end";
  EXPECT_LT(changes.bytes_stored, 8 * kPage);
  expect_restorable("pg_xact", file);
}

TEST_F(CopyChanges, AFileThatIsCutWhileItIsReadEndsThere) {
  Bytes relation = pages(40);
  add_relation("16384", relation);
  back_up().value();
  next_backup();
  change(relation, 2);
  change(relation, 30);
  add_changed("16384", relation, {{2, 30, 35}});
  options.workers = 1;
  files.before_read = [&](const std::string& path, uint64_t offset) {
    if (offset > 0) disk.open_write(path).value()->truncate(30 * kPage).value();
  };
  back_up().value();
  EXPECT_EQ(copied.at("16384").map.file_bytes, 30 * kPage);
  expect_restorable("16384", ByteView(relation).first(30 * kPage));
}

TEST_F(CopyChanges, AParentThatCannotBeReadIsAnErrorThatNamesTheFile) {
  const Bytes relation = pages(10);
  add_relation("16384", relation);
  listed.files.back().parent = ParentCopy{
      []() -> Result<repo::PageMap> { return make_error(ErrorKind::kCorrupt, "a damaged map"); },
      {}};
  const auto result = back_up();
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message, HasSubstr("16384: a damaged map"));
}

// Any sequence of backups restores what each of them saw.
TEST_F(CopyChanges, ManyBackupsOneAfterAnother) {
  std::mt19937 choose(11);
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(choose() % limit); };
  Bytes relation = pages(200);
  add_relation("16384", relation);
  back_up().value();
  for (int round = 0; round < 40; ++round) {
    next_backup();
    BlocksToRead blocks;
    auto size = static_cast<uint32_t>(relation.size() / kPage);
    if (below(4) == 0) {
      size = 1 + below(size);
      relation.resize(size * kPage);
      blocks.all_from = size;
    }
    if (below(3) == 0) {
      const Bytes more = pages(below(30), size);
      relation.insert(relation.end(), more.begin(), more.end());
      size = static_cast<uint32_t>(relation.size() / kPage);
    }
    std::set<uint32_t> changed;
    for (uint32_t i = below(20); i > 0; --i) changed.insert(below(size));
    for (const uint32_t block : changed) change(relation, block);
    blocks.changed.assign(changed.begin(), changed.end());
    if (below(5) == 0) {
      add_compared("16384", relation);
    } else {
      add_changed("16384", relation, std::move(blocks));
    }
    ASSERT_TRUE(back_up().ok());
    ASSERT_NO_FATAL_FAILURE(expect_restorable("16384", relation)) << round;
  }
}

}  // namespace
}  // namespace walkback::pipeline
