#include "wal/xlog_records.h"

#include <gmock/gmock.h>

#include "wal/test_bytes.h"

namespace walkback::wal {
namespace {

using testing::ElementsAre;

TEST(XlogRecords, Checkpoint) {
  TestBytes bytes;
  bytes.put(uint64_t{0x8529F0})
      .put(uint32_t{2})
      .put(uint32_t{1})
      .put(uint64_t{1})
      .put(uint64_t{0x1000002D4});
  bytes.zeros(32).put(int64_t{1'795'358'253}).zeros(8).put(uint32_t{720}).zeros(4);
  ASSERT_EQ(bytes.size(), 88u) << "sizeof(CheckPoint)";
  const Checkpoint checkpoint = parse_checkpoint(bytes, true, 16).value();
  EXPECT_TRUE(checkpoint.shutdown);
  EXPECT_EQ(checkpoint.redo.text(), "0/8529F0");
  EXPECT_EQ(checkpoint.timeline.value, 2u);
  EXPECT_EQ(checkpoint.previous_timeline.value, 1u);
  EXPECT_EQ(checkpoint.next_xid.value, 0x1000002D4u);
  EXPECT_EQ(checkpoint.time.unix_us, 1'795'358'253'000'000);
  EXPECT_EQ(checkpoint.oldest_active_xid, 720u);
  EXPECT_FALSE(parse_checkpoint(ByteView(bytes).first(80), true, 16).ok());
}

TEST(XlogRecords, ACheckpointSaysItsWalLevelSince17) {
  Bytes bytes(88);
  bytes[20] = std::byte{1};
  EXPECT_FALSE(parse_checkpoint(bytes, true, 16)->wal_level.has_value()) << "padding";
  EXPECT_EQ(parse_checkpoint(bytes, true, 17)->wal_level, pg::WalLevel::kReplica);
  bytes[20] = std::byte{0};
  EXPECT_EQ(parse_checkpoint(bytes, true, 18)->wal_level, pg::WalLevel::kMinimal);
}

TEST(XlogRecords, RestorePoint) {
  TestBytes bytes;
  bytes.put(int64_t{0}).text("before the deploy").zeros(64 - 17);
  const RestorePoint point = parse_restore_point(bytes).value();
  EXPECT_EQ(point.name, "before the deploy");
  EXPECT_EQ(point.time.unix_us, 946'684'800'000'000);
  EXPECT_FALSE(parse_restore_point(ByteView(bytes).first(71)).ok());
}

TEST(XlogRecords, ARestorePointsNameMayFillItsField) {
  const TestBytes bytes = TestBytes().put(int64_t{0}).text(std::string(64, 'x'));
  EXPECT_EQ(parse_restore_point(bytes)->name, std::string(64, 'x'));
}

TEST(XlogRecords, EndOfRecovery) {
  const TestBytes bytes = TestBytes().put(int64_t{0}).put(uint32_t{3}).put(uint32_t{2});
  const EndOfRecovery end = parse_end_of_recovery(bytes).value();
  EXPECT_EQ(end.timeline.value, 3u);
  EXPECT_EQ(end.previous_timeline.value, 2u);
}

TEST(XlogRecords, ParameterChange) {
  const TestBytes bytes = TestBytes()
                              .put_many<int32_t>({120, 8, 10, 2, 64, 2})
                              .put(uint8_t{1})
                              .put(uint8_t{0})
                              .zeros(2);
  const ParameterChange change = parse_parameter_change(bytes).value();
  EXPECT_EQ(change.max_connections, 120);
  EXPECT_EQ(change.max_worker_processes, 8);
  EXPECT_EQ(change.max_wal_senders, 10);
  EXPECT_EQ(change.max_prepared_transactions, 2);
  EXPECT_EQ(change.max_locks_per_transaction, 64);
  EXPECT_EQ(change.wal_level, pg::WalLevel::kLogical);
  EXPECT_TRUE(change.wal_log_hints);
  EXPECT_FALSE(change.track_commit_timestamp);
}

TEST(XlogRecords, BackupEndOverwriteAndFullPageWrites) {
  EXPECT_EQ(parse_backup_end(TestBytes().put(uint64_t{0x2000028}))->start.text(), "0/2000028");
  EXPECT_FALSE(parse_backup_end({}).ok());
  EXPECT_TRUE(parse_full_page_writes(TestBytes().put(uint8_t{1}))->on);
  const TestBytes overwrite = TestBytes().put(uint64_t{0x10}).put(int64_t{0});
  EXPECT_EQ(parse_overwrite_contrecord(overwrite)->overwritten.value, 0x10u);
}

TEST(XlogRecords, RunningTransactions) {
  TestBytes bytes;
  bytes.put_many<uint32_t>({2, 1, 1, 750, 744, 749, 744, 747, 748});
  const RunningTransactions running = parse_running_transactions(bytes).value();
  EXPECT_TRUE(running.subxids_overflowed);
  EXPECT_EQ(running.next_xid, 750u);
  EXPECT_EQ(running.oldest_running_xid, 744u);
  EXPECT_EQ(running.latest_completed_xid, 749u);
  EXPECT_THAT(running.xids.copy(), ElementsAre(744, 747));
  EXPECT_THAT(running.subxids.copy(), ElementsAre(748));
  EXPECT_FALSE(parse_running_transactions(ByteView(bytes).first(32)).ok());
}

TEST(XlogRecords, Tablespaces) {
  const TestBytes bytes = TestBytes().put(uint32_t{16390}).text("/srv/fast").zeros(1);
  EXPECT_EQ(parse_tablespace_create(bytes)->tablespace, 16390u);
  EXPECT_EQ(parse_tablespace_create(bytes)->path, "/srv/fast");
  EXPECT_EQ(parse_tablespace_drop(TestBytes().put(uint32_t{16390}))->tablespace, 16390u);
  EXPECT_FALSE(parse_tablespace_create(ByteView(bytes).first(3)).ok());
}

TEST(XlogRecords, DatabaseRecordsWereRenumberedIn15) {
  EXPECT_EQ(database_record(0x00, 13), DatabaseRecord::kCreateFileCopy);
  EXPECT_EQ(database_record(0x10, 14), DatabaseRecord::kDrop);
  EXPECT_EQ(database_record(0x20, 14), DatabaseRecord::kUnknown);
  EXPECT_EQ(database_record(0x00, 15), DatabaseRecord::kCreateFileCopy);
  EXPECT_EQ(database_record(0x10, 15), DatabaseRecord::kCreateLogged);
  EXPECT_EQ(database_record(0x20, 18), DatabaseRecord::kDrop);
}

TEST(XlogRecords, Databases) {
  const TestBytes copy = TestBytes().put_many<uint32_t>({16400, 1663, 1, 1663});
  EXPECT_EQ(parse_database_create(copy, true)->copied_from->database, 1u);
  EXPECT_FALSE(parse_database_create(ByteView(copy).first(8), false)->copied_from);
  EXPECT_FALSE(parse_database_create(ByteView(copy).first(8), true).ok());
  const TestBytes drop = TestBytes().put_many<uint32_t>({16400, 2, 1663, 16390});
  EXPECT_EQ(parse_database_drop(drop)->database, 16400u);
  EXPECT_THAT(parse_database_drop(drop)->tablespaces.copy(), ElementsAre(1663, 16390));
}

TEST(XlogRecords, Storage) {
  const RelationLocator relation{1663, 5, 16384};
  const auto create = parse_storage_create(TestBytes().put(relation).put(int32_t{3}));
  EXPECT_EQ(create->relation, relation);
  EXPECT_EQ(create->fork, pg::Fork::kInit);
  EXPECT_FALSE(parse_storage_create(TestBytes().put(relation).put(int32_t{4})).ok());
  const auto truncate =
      parse_storage_truncate(TestBytes().put(uint32_t{9}).put(relation).put(int32_t{1 | 4}));
  EXPECT_EQ(truncate->blocks, 9u);
  EXPECT_TRUE(truncate->main);
  EXPECT_FALSE(truncate->visibility_map);
  EXPECT_TRUE(truncate->free_space_map);
}

}  // namespace
}  // namespace walkback::wal
