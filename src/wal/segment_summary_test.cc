#include "wal/segment_summary.h"

#include <gmock/gmock.h>

#include "wal/names.h"
#include "wal/test_log.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr RelationLocator kPayments{1663, 5, 16384};
constexpr RelationLocator kLedger{1663, 5, 16390};

class SegmentSummaryTest : public testing::Test {
 protected:
  // A record of one block, with that much data and main data.
  pg::Lsn change(uint8_t rmgr, uint8_t info, pg::Xid xid, const RelationLocator& relation,
                 uint32_t block, Bytes main_data, size_t data_bytes = 0) {
    return log.append_block(rmgr, info, xid, relation, block, main_data,
                            Bytes(data_bytes, std::byte{7}));
  }
  pg::Lsn insert(pg::Xid xid, const RelationLocator& relation, uint32_t block, size_t bytes = 0) {
    return change(kHeapRmgr, kHeapInsert, xid, relation, block, Bytes(3), bytes);
  }
  pg::Lsn remove(pg::Xid xid, const RelationLocator& relation, uint32_t block, uint8_t flags = 0) {
    Bytes data(8);
    data[7] = static_cast<std::byte>(flags);
    return change(kHeapRmgr, kHeapDelete, xid, relation, block, data);
  }
  pg::Lsn commit(pg::Xid xid, int64_t time, uint8_t info = kCommit) {
    return log.append(kTransactionRmgr, info, xid, as_view(time));
  }
  template <typename T>
  static ByteView as_view(const T& value) {
    return {reinterpret_cast<const std::byte*>(&value), sizeof value};
  }
  void fill_segment_up_to(size_t left) {
    const uint64_t end =
        (log.position().value / TestLog::kSegmentBytes + 1) * TestLog::kSegmentBytes;
    while (end - log.position().value > 6000 + left) log.append(4000);
    if (end - log.position().value > left + 64) log.append(end - log.position().value - left - 64);
  }

  SegmentSummary summarize(uint64_t number = 1, bool with_previous = true) {
    const Bytes previous = with_previous ? log.segment(number - 1) : Bytes();
    return summarize_segment(log.name(number), log.segment(number), previous,
                             {TestLog::kSegmentBytes, TestLog::kSystem, 15});
  }
  SegmentSummary summarize_after(const UnfinishedRecord& begun, uint64_t number = 2) {
    return summarize_segment_after(begun, log.name(number), log.segment(number),
                                   {TestLog::kSegmentBytes, TestLog::kSystem, 15});
  }
  // A record across the first segment's end, for each place where that may cut it: `add` writes it
  // behind something of another length each time.
  template <typename Add, typename Check>
  void cut_everywhere(size_t record_bytes, Add add, Check check) {
    int cut = 0;
    for (size_t shift = 0; shift < record_bytes + 128; shift += 8) {
      log = TestLog();
      fill_segment_up_to(record_bytes + 200);
      log.append(200 - 64 + shift);
      const pg::Lsn start = add();
      if (start.value >= 2u * TestLog::kSegmentBytes ||
          log.position().value <= 2u * TestLog::kSegmentBytes) {
        continue;
      }
      insert(701, kLedger, 1);
      log.append(100);
      ++cut;
      SCOPED_TRACE(testing::Message() << "cut after " << 2u * TestLog::kSegmentBytes - start.value);
      check(start);
    }
    EXPECT_GT(cut, record_bytes / 8 * 3 / 4);
  }
  static std::vector<RelationRows> rows_of(const SegmentSummary& summary, pg::Xid xid) {
    for (const TransactionWork& work : summary.transactions) {
      if (work.xid == xid) return summary.row_lists.at(work.row_list);
    }
    ADD_FAILURE() << "no transaction " << xid;
    return {};
  }

  TestLog log;
};

TEST_F(SegmentSummaryTest, RowsAreCountedForEachTransactionAndRelation) {
  const pg::Lsn first = insert(700, kPayments, 1);
  insert(701, kLedger, 8);
  remove(700, kPayments, 2);
  remove(700, kPayments, 2);
  change(kHeapRmgr, kHeapHotUpdate, 700, kLedger, 9, Bytes(14));
  change(kHeap2Rmgr, kHeap2MultiInsert | 0x80, 701, kLedger, 8, {{}, {}, std::byte{44}, {}});
  log.switch_segment();
  const SegmentSummary summary = summarize();
  EXPECT_EQ(summary.problem, "");
  EXPECT_THAT(rows_of(summary, 700),
              ElementsAre(RelationRows{kPayments, {.inserted = 1, .deleted = 2}},
                          RelationRows{kLedger, {.updated = 1}}));
  EXPECT_THAT(rows_of(summary, 701), ElementsAre(RelationRows{kLedger, {.inserted = 45}}));
  EXPECT_EQ(summary.first_record, first);
  EXPECT_EQ(summary.end.value, 2u * TestLog::kSegmentBytes);
  EXPECT_EQ(summary.major, 15);
}

TEST_F(SegmentSummaryTest, TransactionsThatDoAlikeShareOneList) {
  for (pg::Xid xid = 700; xid < 750; ++xid) {
    insert(xid, kPayments, xid);
    commit(xid, xid);
  }
  const SegmentSummary summary = summarize();
  EXPECT_THAT(summary.row_lists, SizeIs(2));
  for (uint32_t i = 0; i < 50; ++i) EXPECT_EQ(summary.transactions[i].ends_before, i);
}

TEST_F(SegmentSummaryTest, ASpeculativeInsertionThatIsTakenBackCountsAsNone) {
  insert(700, kPayments, 1);
  remove(700, kPayments, 1, 0x08);
  EXPECT_THAT(rows_of(summarize(), 700), ElementsAre(RelationRows{kPayments, {}}));
}

TEST_F(SegmentSummaryTest, EveryBlockThatARecordRefersToIsListedOnce) {
  for (uint32_t block : {5u, 4'000'000'000u, 5u, 511u, 512u, 0u}) insert(700, kPayments, block);
  change(kXlogRmgr, kXlogFullPageImageForHint, 0, kLedger, 3, {});
  const SegmentSummary summary = summarize();
  ASSERT_THAT(summary.changed, SizeIs(2));
  EXPECT_EQ(summary.changed[0].relation, kPayments);
  EXPECT_THAT(summary.changed[0].blocks, ElementsAre(0, 5, 511, 512, 4'000'000'000));
  EXPECT_THAT(summary.changed[1].blocks, ElementsAre(3));
}

TEST_F(SegmentSummaryTest, PlainEndsAreKeptShortAndAreTheRecordsTheyWere) {
  const pg::Lsn committed = commit(700, 4711);
  const pg::Lsn aborted = commit(701, 4712, kAbort);
  const SegmentSummary summary = summarize();
  EXPECT_THAT(summary.plain_ends, ElementsAre(PlainEnd{committed, 700, true, 4711},
                                              PlainEnd{aborted, 701, false, 4712}));
  EXPECT_THAT(summary.kept, IsEmpty());
  Bytes made = plain_end_record(summary.plain_ends[0]);
  const ByteView written =
      ByteView(log.segment(1)).subspan(committed.value % TestLog::kSegmentBytes, kPlainEndBytes);
  std::copy_n(written.begin() + 8, 8, made.begin() + 8);    // the link to the record before
  std::copy_n(written.begin() + 20, 4, made.begin() + 20);  // its checksum
  EXPECT_TRUE(std::ranges::equal(made, written));
}

TEST_F(SegmentSummaryTest, WhatAPlanNeedsIsKeptAsItWas) {
  log.append(kXlogRmgr, kXlogRestorePoint, 0, Bytes(72));
  log.append(kStorageRmgr, kStorageCreate, 0, Bytes(16));
  log.append(kXlogRmgr, kXlogSwitch, 0, {});
  const SegmentSummary summary = summarize();
  ASSERT_THAT(summary.kept, SizeIs(2));
  EXPECT_EQ(summary.kept[0].end, summary.kept[1].start);
}

TEST_F(SegmentSummaryTest, WhatStandsBeforeATransactionIsCounted) {
  insert(700, kPayments, 1);
  log.append(kXlogRmgr, kXlogRestorePoint, 0, Bytes(72));
  insert(701, kPayments, 1);
  log.append(kTransactionRmgr, kAssignment, 701, Bytes(8));
  insert(702, kPayments, 1);
  const SegmentSummary summary = summarize();
  ASSERT_THAT(summary.transactions, SizeIs(3));
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(summary.transactions[i].kept_before, i);
}

TEST_F(SegmentSummaryTest, ARecordBelongsToTheSegmentItEndsIn) {
  fill_segment_up_to(600);
  const pg::Lsn across = insert(700, kPayments, 77, 2000);
  const pg::Lsn after = insert(700, kLedger, 1);
  EXPECT_THAT(summarize(1).changed, IsEmpty());
  const SegmentSummary joined = summarize(2);
  EXPECT_FALSE(joined.first_record_unknown);
  EXPECT_EQ(joined.first_record, across);
  EXPECT_THAT(rows_of(joined, 700), SizeIs(2));
  const SegmentSummary alone = summarize(2, false);
  EXPECT_TRUE(alone.first_record_unknown);
  EXPECT_EQ(alone.first_record, after);
  EXPECT_THAT(rows_of(alone, 700), SizeIs(1));
}

TEST_F(SegmentSummaryTest, WhichBlocksACutRecordChangesIsKnownWithoutTheSegmentBefore) {
  int known = 0;
  int whole = 0;
  const auto across = [&] {
    return log.append_blocks(kHeapRmgr, kHeapInsert, 700, kPayments,
                             {{77, Bytes(300, std::byte{7})}, {78, {}}, {80, Bytes(90)}}, Bytes(3));
  };
  cut_everywhere(480, across, [&](pg::Lsn start) {
    const SegmentSummary before = summarize(1);
    ASSERT_TRUE(before.unfinished);
    EXPECT_EQ(before.unfinished->start, start);
    EXPECT_LE(before.unfinished->bytes.size(), kRecordHeaderBytes + 3 * 20 + 2) << "no rows";
    const SegmentSummary joined = summarize(2);
    EXPECT_EQ(joined.changed.front().blocks, (std::vector<uint32_t>{77, 78, 80}));
    const SegmentSummary after = summarize_after(*before.unfinished);
    EXPECT_EQ(after.problem, joined.problem);
    EXPECT_EQ(after.changed, joined.changed);
    EXPECT_TRUE(after.says_all_blocks());
    if (after.first_record_unknown) {
      ++known;
      EXPECT_THAT(rows_of(after, 701), SizeIs(1));
    } else {
      ++whole;
      EXPECT_EQ(after, joined) << "cut in what is not data: its checksum says that it is all there";
    }
  });
  EXPECT_GT(known, 20);
  EXPECT_GT(whole, 5);
}

TEST_F(SegmentSummaryTest, ACutRecordOfAKindThatIsKeptIsWholeWithoutTheSegmentBefore) {
  const auto across = [&] { return log.append(kXlogRmgr, kXlogRestorePoint, 0, Bytes(72)); };
  cut_everywhere(96, across, [&](pg::Lsn) {
    const SegmentSummary joined = summarize(2);
    ASSERT_THAT(joined.kept, SizeIs(1));
    EXPECT_EQ(summarize_after(*summarize(1).unfinished), joined);
  });
}

TEST_F(SegmentSummaryTest, ARecordThatEndsWithItsSegmentIsNotUnfinished) {
  insert(700, kPayments, 1);
  log.switch_segment();
  EXPECT_FALSE(summarize(1).unfinished);
}

TEST_F(SegmentSummaryTest, WhatIsSaidOfAnotherRecordIsNotBelieved) {
  fill_segment_up_to(600);
  insert(700, kPayments, 77, 2000);
  const UnfinishedRecord right = *summarize(1).unfinished;
  ASSERT_TRUE(summarize_after(right).first_record_blocks_known);
  const auto expect_unknown = [&](const UnfinishedRecord& wrong) {
    const SegmentSummary summary = summarize_after(wrong);
    EXPECT_TRUE(summary.first_record_unknown);
    EXPECT_FALSE(summary.says_all_blocks());
    EXPECT_THAT(summary.changed, IsEmpty());
  };
  expect_unknown({right.start + 8, right.bytes});
  expect_unknown({log.position(), right.bytes});
  UnfinishedRecord longer = right;
  longer.bytes[0] ^= std::byte{8};
  expect_unknown(longer);
  for (size_t bytes = 0; bytes < right.bytes.size(); ++bytes) {
    expect_unknown({right.start, to_bytes(ByteView(right.bytes).first(bytes))});
  }
}

TEST_F(SegmentSummaryTest, ACutRecordWhoseChecksumDoesNotHoldIsUnknownAndNoDamage) {
  const auto across = [&] { return log.append(kXlogRmgr, kXlogRestorePoint, 0, Bytes(72)); };
  cut_everywhere(96, across, [&](pg::Lsn) {
    UnfinishedRecord begun = *summarize(1).unfinished;
    begun.bytes.back() ^= std::byte{1};
    const SegmentSummary summary = summarize_after(begun);
    EXPECT_EQ(summary, summarize(2, false));
  });
}

TEST_F(SegmentSummaryTest, ARecordOfManyPagesIsFoundAtItsBeginning) {
  fill_segment_up_to(100'000);
  const pg::Lsn across = insert(700, kPayments, 77, 60'000);
  const pg::Lsn longer = change(kHeapRmgr, kHeapInsert, 701, kLedger, 1, Bytes(3), 65'000);
  ASSERT_LT(across.value, 2u * TestLog::kSegmentBytes);
  ASSERT_GT(log.position().value, 2u * TestLog::kSegmentBytes);
  EXPECT_EQ(summarize(2).first_record, longer);
}

TEST_F(SegmentSummaryTest, ASegmentBeforeThatIsNotThatOneIsNotBelieved) {
  fill_segment_up_to(600);
  insert(700, kPayments, 77, 2000);
  TestLog other(1, {1});
  other.append(100);
  const SegmentSummary summary = summarize_segment(log.name(2), log.segment(2), other.segment(1),
                                                   {TestLog::kSegmentBytes, TestLog::kSystem, 15});
  EXPECT_TRUE(summary.first_record_unknown);
  EXPECT_TRUE(summary.torn_tail);
}

TEST_F(SegmentSummaryTest, ATornTailIsNoDamage) {
  insert(700, kPayments, 1);
  const SegmentSummary summary = summarize();
  EXPECT_TRUE(summary.torn_tail);
  EXPECT_NE(summary.problem, "");
  EXPECT_EQ(summary.end, log.position());
}

TEST_F(SegmentSummaryTest, WhatLiesBehindDamageIsNotBelieved) {
  insert(700, kPayments, 1);
  const pg::Lsn damaged = insert(701, kPayments, 2);
  fill_segment_up_to(0);
  log.at(damaged + 30) ^= std::byte{1};
  const SegmentSummary summary = summarize();
  EXPECT_FALSE(summary.torn_tail);
  EXPECT_EQ(summary.end, damaged);
  EXPECT_THAT(summary.changed, SizeIs(1));
}

TEST_F(SegmentSummaryTest, WhereARecordEndsIsWhatTheReaderSays) {
  for (size_t bytes = 1; bytes < 60'000; bytes += 997) log.append(bytes);
  RecordReader reader({TestLog::kSegmentBytes, {}, {}});
  const Bytes segment = log.segment(1);
  reader.feed(log.name(1), segment);
  Record record;
  pg::Lsn before;
  while (reader.next(record) == Outcome::kRecord) {
    if (before.value != 0) {
      ASSERT_EQ(end_of_record_before(record.start, TestLog::kSegmentBytes), before);
    }
    before = record.end;
    ASSERT_EQ(end_of_record(record.start, record.total_bytes(), TestLog::kSegmentBytes),
              record.end);
  }
}

}  // namespace
}  // namespace walkback::wal
