#include "drill/evidence.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"

namespace walkback::drill {
namespace {

class EvidenceTest : public ::testing::Test {
 protected:
  void put(const std::string& id, uint64_t lsn, std::vector<TableRows> rows) {
    ASSERT_TRUE(put_evidence(*objects_, layout_, {id, {lsn}, {}, std::move(rows)}).ok());
  }

  std::unique_ptr<store::ObjectStore> objects_ = store::make_memory_store();
  const catalog::LineageLayout layout_{"main", {7}};
};

TEST_F(EvidenceTest, WhatIsWrittenReadsBack) {
  Evidence evidence{"20261122T140001Z-3f9a", {0x5000028}, {}, {{"shop", "public", "payments", 42}}};
  evidence.proofs = {failed("checks", "1 of 2", {"payments: found 41"}),
                     not_proved("indexes", "no")};
  evidence.proofs[0].duration_s = 1.5;
  ASSERT_TRUE(put_evidence(*objects_, layout_, evidence).ok());
  const auto read = get_evidence(*objects_, layout_, evidence.id);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->id, evidence.id);
  EXPECT_EQ(read->target_lsn, evidence.target_lsn);
  ASSERT_EQ(read->proofs.size(), 2u);
  EXPECT_EQ(read->proofs[0].details, evidence.proofs[0].details);
  EXPECT_EQ(read->proofs[0].duration_s, 1.5);
  EXPECT_EQ(read->proofs[1].outcome, ProofOutcome::kNotProved);
  ASSERT_EQ(read->rows.size(), 1u);
  EXPECT_EQ(read->rows[0].name(), "shop.public.payments");
  EXPECT_EQ(read->rows[0].rows, 42u);
}

TEST_F(EvidenceTest, ComparedIsWithTheNewestThatIsNotLaterInTheLog) {
  EXPECT_FALSE(evidence_before(*objects_, layout_, {100}).value());
  put("20261101T000000Z-0001", 50, {{"a", "b", "c", 1}});
  put("20261102T000000Z-0001", 80, {{"a", "b", "c", 2}});
  put("20261103T000000Z-0001", 90, {});  // it never got so far as to count
  put("20261104T000000Z-0001", 200, {{"a", "b", "c", 3}});
  EXPECT_EQ(evidence_before(*objects_, layout_, {100}).value()->id, "20261102T000000Z-0001");
  EXPECT_EQ(evidence_before(*objects_, layout_, {200}).value()->id, "20261104T000000Z-0001");
  EXPECT_FALSE(evidence_before(*objects_, layout_, {49}).value());
}

TEST_F(EvidenceTest, OfTooManyTablesTheLargestAreKept) {
  std::vector<TableRows> rows;
  for (uint64_t i = 0; i < kMostTablesKept + 10; ++i) {
    rows.push_back({"a", "b", std::to_string(i), i});
  }
  put("20261101T000000Z-0001", 50, rows);
  const auto read = get_evidence(*objects_, layout_, "20261101T000000Z-0001");
  ASSERT_EQ(read->rows.size(), kMostTablesKept);
  EXPECT_EQ(read->rows.front().rows, kMostTablesKept + 9);
  EXPECT_EQ(read->rows.back().rows, 10u);
}

TEST_F(EvidenceTest, WhatIsNoneIsDamage) {
  ASSERT_TRUE(objects_->put(layout_.drill("x"), as_bytes("x")).ok());
  EXPECT_EQ(get_evidence(*objects_, layout_, "x").error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(get_evidence(*objects_, layout_, "y").error().kind, ErrorKind::kMissing);
}

}  // namespace
}  // namespace walkback::drill
