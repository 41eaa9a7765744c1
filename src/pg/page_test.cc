#include "pg/page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace walkback::pg {
namespace {

constexpr Lsn kLate{UINT64_MAX};

// Block 2 of pg_class in a fresh PostgreSQL 15 cluster with checksums.
Bytes pg_class_block_2() {
  std::ifstream file(WALKBACK_TESTDATA "/pg_class_block_2", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return to_bytes(as_bytes(text));
}

TEST(Page, ARealPageVerifies) {
  const Bytes page = pg_class_block_2();
  ASSERT_EQ(page.size(), kPageBytes);
  EXPECT_EQ(verify_page(page, 2, kLate), PageVerdict::kOk);
  EXPECT_GT(page_lsn(page), Lsn{0});
  EXPECT_LT(page_lsn(page), Lsn{0x852A00});
}

TEST(Page, InTheWrongPlaceItIsBad) {
  EXPECT_EQ(verify_page(pg_class_block_2(), 3, kLate), PageVerdict::kBad);
  EXPECT_EQ(verify_page(pg_class_block_2(), kRelationSegmentBlocks + 2, kLate), PageVerdict::kBad);
}

TEST(Page, EveryChangedByteIsBad) {
  Bytes page = pg_class_block_2();
  for (size_t i = 0; i < page.size(); i += (i < 32 ? 1 : 61)) {
    page[i] ^= std::byte{0x40};
    EXPECT_EQ(verify_page(page, 2, kLate), PageVerdict::kBad) << i;
    page[i] ^= std::byte{0x40};
  }
}

TEST(Page, ChangedAfterTheBackupBeganItIsNotJudged) {
  Bytes page = pg_class_block_2();
  const Lsn changed = page_lsn(page);
  page[5000] ^= std::byte{1};
  EXPECT_EQ(verify_page(page, 2, changed), PageVerdict::kBad);
  EXPECT_EQ(verify_page(page, 2, Lsn{changed.value - 1}), PageVerdict::kNewer);
}

TEST(Page, OnlyAllZerosIsNew) {
  Bytes page(kPageBytes);
  EXPECT_EQ(verify_page(page, 7, kLate), PageVerdict::kNew);
  for (size_t i : {0u, 7u, 8u, 14u, 4000u, 8191u}) {
    page[i] = std::byte{1};
    EXPECT_FALSE(is_new(page)) << i;
    EXPECT_EQ(verify_page(page, 7, kLate), PageVerdict::kBad) << i;
    page[i] = std::byte{0};
  }
}

}  // namespace
}  // namespace walkback::pg
