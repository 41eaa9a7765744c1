#include "catalog/wal_index.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"

namespace walkback::catalog {
namespace {

const store::ObjectKey kKey("wal/1.index.zst");
const WalIndex kIndex{codec::hash_content(as_bytes("a segment"))};

TEST(WalIndex, ReadsBack) {
  const auto objects = store::make_memory_store();
  EXPECT_EQ(get_wal_index(*objects, kKey).value(), std::nullopt);
  EXPECT_EQ(put_wal_index(*objects, kKey, kIndex).value(), store::PutOutcome::kCreated);
  EXPECT_EQ(get_wal_index(*objects, kKey).value(), kIndex);
}

TEST(WalIndex, AChangedByteIsNeverBelieved) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(put_wal_index(*objects, kKey, kIndex).ok());
  const Bytes good = *objects->get(kKey).value();
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bad = good;
    bad[at] ^= std::byte{4};
    ASSERT_TRUE(objects->remove(kKey).ok());
    ASSERT_TRUE(objects->put(kKey, bad).ok());
    EXPECT_FALSE(get_wal_index(*objects, kKey).ok()) << at;
  }
}

// Every field, and numbers at their ends.
WalIndex full_index() {
  WalIndex index = kIndex;
  wal::SegmentSummary& summary = index.summary.emplace();
  summary.major = 18;
  summary.problem = "at 0/1000028, zeros where a record should begin";
  summary.torn_tail = true;
  summary.first_record_unknown = true;
  summary.first_record = {0x1000028};
  summary.last_record = {UINT64_MAX - 7};
  summary.end = {UINT64_MAX};
  summary.kept = {{{0x1000028}, {0x1000060}, Bytes(40, std::byte{9})}};
  summary.plain_ends = {{{0x1000100}, 4'294'967'295, true, INT64_MAX},
                        {{0x1000128}, 3, false, INT64_MIN},
                        {{0x1000150}, 4, true, 0},
                        {{0x1000178}, 5, false, -1}};
  const wal::RelationLocator one{1663, 5, 16384}, other{0xFFFFFFFF, 0, 1};
  summary.changed = {{one, pg::Fork::kMain, {0, 1, 4'294'967'295}},
                     {one, pg::Fork::kInit, {7}},
                     {other, pg::Fork::kVisibilityMap, {}}};
  summary.row_lists = {{}, {{one, {1, -2, INT64_MAX}}, {other, {INT64_MIN, 0, 3}}}};
  summary.transactions = {{700, 0, 1, 0}, {4'294'967'295, 4, 0, 1}, {3, 1, 1, 1}};
  summary.catalog_rows = {
      {wal::CatalogRow::Of::kRelation, {0x1000060}, 700, 5, 16384, "payments", 2200, 0, 16390, 'r'},
      {wal::CatalogRow::Of::kSchema,
       {UINT64_MAX},
       4'294'967'295,
       5,
       16385,
       std::string(63, '\xFF')},
      {wal::CatalogRow::Of::kRelation, {1}, 700, 5, 16384, "payments", 0, 0, 0, '\0', true},
      {wal::CatalogRow::Of::kDatabase, {0x1000060}, 700, 0, 5, "shop"}};
  summary.catalog_row_parts = {
      {{0x1000060}, 700, 5, {UINT32_MAX, UINT16_MAX}, 16384, {}, {}, {}},
      {{UINT64_MAX}, UINT32_MAX, 5, {0, 1}, {}, 'r', {{2200, ""}}, {{0, 16500}}}};
  summary.moved_catalogs = {{0, 1262, 16700}, {5, 1259, UINT32_MAX}};
  return index;
}

TEST(WalIndex, WhatASegmentContainsReadsBack) {
  const auto objects = store::make_memory_store();
  ASSERT_TRUE(put_wal_index(*objects, kKey, full_index()).ok());
  EXPECT_EQ(get_wal_index(*objects, kKey).value(), full_index());
}

// Hostile bytes are refused or mean something; nothing else.
TEST(WalIndex, APayloadWithAnyByteChangedIsRefusedOrWhole) {
  const std::string good = encode_wal_index(full_index());
  for (size_t at = 0; at < good.size(); ++at) {
    for (const char bit : {'\x01', '\x10', '\x80'}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ bit);
      const std::optional<WalIndex> index = decode_wal_index(as_bytes(bad));
      if (!index || !index->summary) continue;
      const wal::SegmentSummary& summary = *index->summary;
      for (const wal::TransactionWork& work : summary.transactions) {
        ASSERT_LT(work.row_list, summary.row_lists.size()) << at;
        ASSERT_LE(work.ends_before, summary.plain_ends.size()) << at;
        ASSERT_LE(work.kept_before, summary.kept.size()) << at;
      }
      for (const wal::ChangedBlocks& changed : summary.changed) {
        ASSERT_TRUE(std::is_sorted(changed.blocks.begin(), changed.blocks.end())) << at;
      }
    }
  }
}

}  // namespace
}  // namespace walkback::catalog
