#include "pg/control_file.h"

#include <gtest/gtest.h>

#include "pg/crc32c.h"
#include "pg/testing/saved_control_file.h"

namespace walkback::pg {
namespace {

Bytes control_of(int major) { return saved_control_file(WALKBACK_TESTDATA, major); }

template <typename T>
void put(Bytes& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}
void seal(Bytes& bytes) { put(bytes, 288, crc32c(ByteView(bytes).first(288))); }

// What pg_controldata says of the same file.
TEST(ControlFile, TellsWhatPgControldataTells) {
  const ControlFile control = parse_control_file(control_of(15)).value();
  EXPECT_EQ(control.major, 15);
  EXPECT_EQ(control.system_identifier.value, 7711004979447500612u);
  EXPECT_EQ(control.state, ClusterState::kShutDown);
  EXPECT_EQ(control.checkpoint.text(), "0/8529F0");
  EXPECT_EQ(control.redo.text(), "0/8529F0");
  EXPECT_EQ(control.timeline.value, 1u);
  EXPECT_EQ(control.previous_timeline.value, 1u);
  EXPECT_TRUE(control.full_page_writes);
  EXPECT_EQ(control.next_xid.value, 724u);
  EXPECT_EQ(control.next_oid, 13573u);
  EXPECT_EQ(control.oldest_xid, 716u);
  EXPECT_EQ(control.updated.unix_us, 1795358253'000000);
  EXPECT_EQ(control.checkpoint_time.unix_us, 1795358253'000000);
  EXPECT_FALSE(control.min_recovery_point);
  EXPECT_FALSE(control.backup_end_required);
  EXPECT_EQ(control.wal_level, WalLevel::kReplica);
  EXPECT_EQ(control.max_connections, 100);
  EXPECT_EQ(control.max_worker_processes, 8);
  EXPECT_EQ(control.max_wal_senders, 10);
  EXPECT_EQ(control.max_prepared_transactions, 0);
  EXPECT_EQ(control.max_locks_per_transaction, 64);
  EXPECT_EQ(control.block_bytes, 8192u);
  EXPECT_EQ(control.relation_segment_blocks, 131072u);
  EXPECT_EQ(control.wal_segment_bytes, 1u << 20);
  EXPECT_TRUE(control.checksums_enabled());
}

TEST(ControlFile, EveryMajorIsRead) {
  const std::pair<int, uint64_t> next_xids[] = {{13, 485}, {14, 733}, {15, 724},
                                                {16, 730}, {17, 738}, {18, 752}};
  for (const auto& [major, next_xid] : next_xids) {
    const auto control = parse_control_file(control_of(major));
    ASSERT_TRUE(control.ok()) << major << ": " << control.error().message;
    EXPECT_EQ(control->major, major);
    EXPECT_EQ(control->next_xid.value, next_xid);
    EXPECT_EQ(control->wal_segment_bytes, 1u << 20);
    EXPECT_TRUE(control->checksums_enabled()) << major;
  }
}

TEST(ControlFile, AnyChangedByteIsCorruptOrUnsupportedButNeverBelieved) {
  Bytes bytes = control_of(15);
  for (size_t i = 0; i < 292; ++i) {
    bytes[i] ^= std::byte{1};
    EXPECT_FALSE(parse_control_file(bytes).ok()) << i;
    bytes[i] ^= std::byte{1};
  }
  EXPECT_TRUE(parse_control_file(bytes).ok());
}

TEST(ControlFile, ATornReadIsCorruptSoThatTheCallerReadsAgain) {
  Bytes bytes = control_of(15);
  put(bytes, 32, uint64_t{0x1234});
  EXPECT_EQ(parse_control_file(bytes).error().kind, ErrorKind::kCorrupt);
  bytes.resize(8191);
  EXPECT_EQ(parse_control_file(bytes).error().kind, ErrorKind::kCorrupt);
}

TEST(ControlFile, AnotherCatalogOrBlockSizeIsUnsupported) {
  Bytes bytes = control_of(15);
  put(bytes, 12, uint32_t{202209062});
  seal(bytes);
  EXPECT_EQ(parse_control_file(bytes).error().kind, ErrorKind::kUnsupported);
  bytes = control_of(15);
  put(bytes, 216, uint32_t{16384});
  seal(bytes);
  EXPECT_EQ(parse_control_file(bytes).error().kind, ErrorKind::kUnsupported);
}

TEST(ControlFile, AnImpossibleSegmentSizeIsCorrupt) {
  Bytes bytes = control_of(15);
  put(bytes, 228, uint32_t{1000});
  seal(bytes);
  EXPECT_EQ(parse_control_file(bytes).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace walkback::pg
