#include "wal/transaction.h"

#include <gmock/gmock.h>

#include "wal/names.h"
#include "wal/test_bytes.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;

constexpr RelationLocator kDropped{1663, 5, 16407};
constexpr int64_t kTime = 848'673'453'017'430;  // 2026-11-22 14:37:33.01743 UTC

// Every part a commit can have, in order.
TestBytes commit(int major, bool aborted = false) {
  const uint32_t xinfo =
      1 | 2 | 4 | 0x10 | 0x20 | 0x80 | (1u << 30) | (major >= 15 ? 0x100 : 0) | (aborted ? 0 : 8);
  TestBytes bytes;
  bytes.put(kTime).put(xinfo).put(uint32_t{5}).put(uint32_t{1663});
  bytes.put(uint32_t{2}).put_many<uint32_t>({801, 802});
  bytes.put(uint32_t{1}).put(kDropped);
  if (major >= 15) bytes.put(uint32_t{2}).zeros(2 * (major >= 18 ? 16 : 12));
  if (!aborted) bytes.put(uint32_t{3}).zeros(3 * 16);
  bytes.put(uint32_t{800}).text("gid one").zeros(1);
  return bytes.put(uint64_t{0x1234}).put(int64_t{77});
}

TEST(TransactionEnd, AShortCommitIsATime) {
  const auto end = parse_transaction_end(TestBytes().put(kTime), kCommit, 748, 15);
  ASSERT_TRUE(end.ok());
  EXPECT_TRUE(end->committed);
  EXPECT_FALSE(end->two_phase);
  EXPECT_EQ(end->xid, 748u);
  EXPECT_EQ(end->time.unix_us, 1'795'358'253'017'430);
  EXPECT_TRUE(end->subxids.empty());
}

TEST(TransactionEnd, EveryPartIsReadInEveryVersion) {
  for (int major = 13; major <= 18; ++major) {
    SCOPED_TRACE(major);
    const TestBytes bytes = commit(major);
    const auto end = parse_transaction_end(bytes, kCommitPrepared | kTransactionHasInfo, 0, major);
    ASSERT_TRUE(end.ok()) << end.error().message;
    EXPECT_TRUE(end->two_phase);
    EXPECT_EQ(end->xid, 800u) << "the body's";
    EXPECT_EQ(end->database, 5u);
    EXPECT_THAT(end->subxids.copy(), ElementsAre(801, 802));
    EXPECT_THAT(end->dropped.copy(), ElementsAre(kDropped));
    EXPECT_EQ(end->gid, "gid one");
    EXPECT_EQ(end->origin->lsn.value, 0x1234u);
  }
}

TEST(TransactionEnd, AnAbortHasNoInvalidations) {
  const TestBytes bytes = commit(15, true);
  const auto end = parse_transaction_end(bytes, kAbortPrepared | kTransactionHasInfo, 0, 15);
  ASSERT_TRUE(end.ok()) << end.error().message;
  EXPECT_FALSE(end->committed);
  EXPECT_EQ(end->xid, 800u);
}

TEST(TransactionEnd, NothingMayBeMissingOrLeftOver) {
  TestBytes bytes = commit(15);
  const uint8_t info = kCommit | kTransactionHasInfo;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_transaction_end(ByteView(bytes).first(size), info, 1, 15).ok()) << size;
  }
  EXPECT_FALSE(parse_transaction_end(bytes, info, 1, 18).ok()) << "another version's layout";
  EXPECT_FALSE(parse_transaction_end(bytes, info, 1, 14).ok()) << "an unknown flag";
  EXPECT_FALSE(parse_transaction_end(bytes.zeros(1), info, 1, 15).ok());
}

TEST(TransactionEnd, ACountBeyondTheRecordIsRefused) {
  TestBytes bytes;
  bytes.put(kTime).put(uint32_t{2}).put(uint32_t{0x40000001}).put(uint32_t{1});
  EXPECT_FALSE(parse_transaction_end(bytes, kCommit | kTransactionHasInfo, 1, 15).ok());
}

TestBytes prepare(int major) {
  TestBytes bytes;
  bytes.put(uint32_t{0x57F94534})
      .put(uint32_t{0})
      .put(uint32_t{800})
      .put(uint32_t{5})
      .put(kTime)
      .put(uint32_t{10});
  bytes.put_many<int32_t>({1, 1, 2});
  if (major >= 15) bytes.put_many<int32_t>({1, 0});
  bytes.put(int32_t{1}).put(uint16_t{0}).put(uint16_t{8}).zeros(16).align();
  bytes.text("gid one").zeros(1).align();
  bytes.put(uint32_t{801}).align();
  bytes.put(kDropped).align();
  bytes.put(kDropped).put(kDropped).align();
  if (major >= 15) bytes.zeros(major >= 18 ? 16 : 12).align();
  bytes.zeros(16).align();
  bytes.put(uint32_t{20}).put(uint8_t{1}).zeros(3).zeros(20).align();
  return bytes.zeros(8);  // the end mark
}

TEST(TransactionPrepare, IsReadInEveryVersion) {
  for (int major = 13; major <= 18; ++major) {
    SCOPED_TRACE(major);
    const TestBytes bytes = prepare(major);
    const auto prepared = parse_transaction_prepare(bytes, major);
    ASSERT_TRUE(prepared.ok()) << prepared.error().message;
    EXPECT_EQ(prepared->xid, 800u);
    EXPECT_EQ(prepared->gid, "gid one");
    EXPECT_EQ(prepared->database, 5u);
    EXPECT_EQ(prepared->owner, 10u);
    EXPECT_THAT(prepared->subxids.copy(), ElementsAre(801));
    EXPECT_EQ(prepared->dropped_at_commit.size(), 1u);
    EXPECT_EQ(prepared->dropped_at_abort.size(), 2u);
  }
}

TEST(TransactionPrepare, NothingMayBeMissingOrLeftOver) {
  TestBytes bytes = prepare(15);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_transaction_prepare(ByteView(bytes).first(size), 15).ok()) << size;
  }
  EXPECT_FALSE(parse_transaction_prepare(bytes.zeros(8), 15).ok());
}

}  // namespace
}  // namespace walkback::wal
