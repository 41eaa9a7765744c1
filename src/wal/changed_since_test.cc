#include "wal/changed_since.h"

#include <gmock/gmock.h>

#include "wal/names.h"
#include "wal/test_log.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr RelationLocator kPayments{1663, 5, 16384};
constexpr RelationLocator kLedger{1663, 5, 16390};

class ChangedSinceTest : public testing::Test {
 protected:
  void change(const RelationLocator& relation, uint32_t block) {
    log_.append_block(kHeapRmgr, kHeapInsert, 700, relation, block, Bytes(3), Bytes(8));
  }
  void storage(uint8_t info, std::initializer_list<uint32_t> numbers) {
    Bytes data;
    for (const uint32_t number : numbers) {
      const auto* raw = reinterpret_cast<const std::byte*>(&number);
      data.insert(data.end(), raw, raw + sizeof number);
    }
    log_.append(kStorageRmgr, info, 700, data);
  }
  void create(const RelationLocator& relation) {
    storage(kStorageCreate, {relation.tablespace, relation.database, relation.number, 0});
  }
  // With SMGR_TRUNCATE_ALL (src/include/catalog/storage_xlog.h).
  void truncate(const RelationLocator& relation, uint32_t blocks) {
    storage(kStorageTruncate, {blocks, relation.tablespace, relation.database, relation.number, 7});
  }
  const ChangedSince& changed() {
    log_.switch_segment();
    const SegmentSummary summary =
        summarize_segment(log_.name(1), log_.segment(1), log_.segment(0),
                          {TestLog::kSegmentBytes, TestLog::kSystem, 15});
    EXPECT_TRUE(changed_.see(summary).ok());
    // The same once more: segments overlap where two backups meet.
    EXPECT_TRUE(changed_.see(summary).ok());
    changed_.finish();
    return changed_;
  }

  TestLog log_;
  ChangedSince changed_{15};
};

TEST_F(ChangedSinceTest, BlocksAreThereOnceAndInOrder) {
  for (const uint32_t block : {9u, 3u, 200'000u, 3u}) change(kPayments, block);
  ASSERT_NE(changed().find(kPayments), nullptr);
  EXPECT_THAT(changed_.find(kPayments)->blocks, ElementsAre(3, 9, 200'000));
  EXPECT_EQ(changed_.find(kPayments)->whole_from, UINT32_MAX);
  EXPECT_EQ(changed_.find(kLedger), nullptr);
  EXPECT_FALSE(changed_.unreliable());
}

TEST_F(ChangedSinceTest, BehindACutAllMayHaveChanged) {
  change(kPayments, 2);
  change(kPayments, 70);
  truncate(kPayments, 50);
  truncate(kPayments, 60);
  EXPECT_EQ(changed().find(kPayments)->whole_from, 50u);
  EXPECT_THAT(changed_.find(kPayments)->blocks, ElementsAre(2));
}

TEST_F(ChangedSinceTest, AFileThatWasCreatedIsNewAlthoughItsNumberIsNot) {
  create(kLedger);
  EXPECT_EQ(changed().find(kLedger)->whole_from, 0u);
  EXPECT_THAT(changed_.find(kLedger)->blocks, IsEmpty());
}

TEST_F(ChangedSinceTest, ADatabaseThatWasCreatedIsNew) {
  // xl_dbase_create_file_copy_rec: database, tablespace, and those copied from.
  Bytes data(16);
  const uint32_t numbers[4] = {16500, 1663, 1, 1663};
  std::memcpy(data.data(), numbers, sizeof numbers);
  log_.append(kDatabaseRmgr, 0x00, 700, data);
  EXPECT_TRUE(changed().is_new_database(1663, 16500));
  EXPECT_FALSE(changed_.is_new_database(1663, 5));
}

TEST_F(ChangedSinceTest, WhatMinimalWalLeavesOutIsNotReliedOn) {
  // xl_parameter_change: five settings, wal_level = minimal, two more.
  Bytes data(26);
  log_.append(kXlogRmgr, kXlogParameterChange, 0, data);
  ASSERT_TRUE(changed().unreliable().has_value());
  EXPECT_THAT(*changed_.unreliable(), HasSubstr("minimal"));
}

}  // namespace
}  // namespace walkback::wal
