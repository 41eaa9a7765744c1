#include "wal/timed_event.h"

#include <gtest/gtest.h>

#include "wal/test_bytes.h"
#include "wal/test_log.h"

namespace walkback::wal {
namespace {

// One record through the reader, as an event.
class TimedEventTest : public testing::Test {
 protected:
  Result<std::optional<TimedEvent>> event(uint8_t rmgr, uint8_t info, ByteView data) {
    log_ = TestLog();
    log_.append(rmgr, info, 748, data);
    reader_ = RecordReader({TestLog::kSegmentBytes, TestLog::kSystem, 15});
    reader_.feed(log_.name(1), log_.segment(1));
    EXPECT_EQ(reader_.next(record_), Outcome::kRecord);
    return events_.of(record_);
  }

  TestLog log_;
  RecordReader reader_{{TestLog::kSegmentBytes, {}, {}}};
  TimedEvents events_{15};
  Record record_;
};

TEST_F(TimedEventTest, ACommitHasItsPlaceItsXidAndItsTime) {
  const auto found = event(kTransactionRmgr, kCommit, TestBytes().put(int64_t{1}));
  ASSERT_TRUE(found.ok() && found->has_value());
  const auto* end = std::get_if<TransactionEnd>(&(*found)->what);
  ASSERT_NE(end, nullptr);
  EXPECT_TRUE(end->committed);
  EXPECT_EQ(end->xid, 748u);
  EXPECT_EQ((*found)->time()->unix_us, 946'684'800'000'001);
  EXPECT_EQ((*found)->start.text(), "0/100028");
  EXPECT_EQ((*found)->end.text(), "0/100050");
}

TEST_F(TimedEventTest, EachKindIsTold) {
  const TestBytes zeros = TestBytes().zeros(200);
  const auto holds = [&]<typename T>(T, uint8_t rmgr, uint8_t info, size_t bytes) {
    const auto found = event(rmgr, info, ByteView(zeros).first(bytes));
    return found.ok() && *found && std::holds_alternative<T>((*found)->what);
  };
  EXPECT_TRUE(holds(Checkpoint(), kXlogRmgr, 0x00, 88));
  EXPECT_TRUE(holds(Checkpoint(), kXlogRmgr, 0x10, 88));
  EXPECT_TRUE(holds(RestorePoint(), kXlogRmgr, 0x70, 72));
  EXPECT_TRUE(holds(ParameterChange(), kXlogRmgr, 0x60, 28));
  EXPECT_TRUE(holds(BackupEnd(), kXlogRmgr, 0x50, 8));
  EXPECT_TRUE(holds(EndOfRecovery(), kXlogRmgr, 0x90, 16));
  EXPECT_TRUE(holds(OverwriteContrecord(), kXlogRmgr, 0xD0, 16));
  EXPECT_TRUE(holds(TransactionEnd(), kTransactionRmgr, kAbort, 8));
  EXPECT_TRUE(holds(TablespaceCreate(), kTablespaceRmgr, 0x00, 8));
  EXPECT_TRUE(holds(TablespaceDrop(), kTablespaceRmgr, 0x10, 4));
  EXPECT_TRUE(holds(DatabaseCreate(), kDatabaseRmgr, 0x00, 16));
  EXPECT_TRUE(holds(DatabaseCreate(), kDatabaseRmgr, 0x10, 8));
  EXPECT_TRUE(holds(DatabaseDrop(), kDatabaseRmgr, 0x20, 8));
  EXPECT_TRUE(holds(RunningTransactions(), kStandbyRmgr, 0x10, 24));
}

TEST_F(TimedEventTest, EverythingElseIsNone) {
  for (const auto& [rmgr, info] : {std::pair<uint8_t, uint8_t>{kHeapRmgr, 0x00},
                                   {kXlogRmgr, 0xB0},
                                   {kTransactionRmgr, 0x50},
                                   {kStandbyRmgr, 0x00},
                                   {kStorageRmgr, 0x10}}) {
    const auto found = event(rmgr, info, TestBytes().zeros(8));
    ASSERT_TRUE(found.ok());
    EXPECT_FALSE(found->has_value()) << int{rmgr} << " " << int{info};
  }
}

TEST_F(TimedEventTest, ACommitThatCannotBeReadIsAnErrorNotNothing) {
  const auto found = event(kTransactionRmgr, kCommit, TestBytes().zeros(7));
  ASSERT_FALSE(found.ok());
  EXPECT_NE(found.error().message.find("0/100028"), std::string::npos);
}

}  // namespace
}  // namespace walkback::wal
