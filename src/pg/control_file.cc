#include "pg/control_file.h"

#include <fmt/format.h>

#include "pg/crc32c.h"
#include "pg/versions.h"

namespace walkback::pg {
namespace {

// Offsets of ControlFileData on 64-bit little-endian machines; 13 to 18 differ only behind
// data_checksum_version, where 18 adds default_char_signedness.
namespace at {
constexpr size_t kSystemIdentifier = 0, kControlVersion = 8, kCatalogVersion = 12, kState = 16,
                 kTime = 24, kCheckpoint = 32, kRedo = 40, kTimeline = 48, kPreviousTimeline = 52,
                 kFullPageWrites = 56, kNextXid = 64, kNextOid = 72, kOldestXid = 84,
                 kCheckpointTime = 104, kOldestActiveXid = 120, kMinRecoveryPoint = 136,
                 kMinRecoveryPointTimeline = 144, kBackupStart = 152, kBackupEnd = 160,
                 kBackupEndRequired = 168, kWalLevel = 172, kWalLogHints = 176,
                 kMaxConnections = 180, kMaxWorkerProcesses = 184, kMaxWalSenders = 188,
                 kMaxPrepared = 192, kMaxLocks = 196, kTrackCommitTimestamp = 200, kMaxAlign = 204,
                 kFloatFormat = 208, kBlockBytes = 216, kRelationSegmentBlocks = 220,
                 kWalBlockBytes = 224, kWalSegmentBytes = 228, kDataChecksumVersion = 252,
                 kCrc = 288, kCrc18 = 292;
}  // namespace at

constexpr size_t kFileBytes = 8192;         // PG_CONTROL_FILE_SIZE
constexpr double kFloatFormat = 1234567.0;  // FLOATFORMAT_VALUE

Timestamp from_seconds(int64_t unix_s) {
  int64_t unix_us = 0;
  if (__builtin_mul_overflow(unix_s, int64_t{1'000'000}, &unix_us)) return {};
  return {unix_us};
}

Error corrupt(std::string what) {
  return make_error(ErrorKind::kCorrupt, "pg_control " + std::move(what));
}
Error unsupported(std::string what) {
  return make_error(ErrorKind::kUnsupported, "pg_control " + std::move(what));
}

Result<void> check_crc(ByteView bytes, uint32_t control_version) {
  const size_t crc_at = control_version >= 1800 ? at::kCrc18 : at::kCrc;
  if (crc32c(bytes.first(crc_at)) != load<uint32_t>(bytes, crc_at)) {
    return corrupt("has a wrong checksum");
  }
  return success();
}

Result<Version> check_version(ByteView bytes) {
  const auto control_version = load<uint32_t>(bytes, at::kControlVersion);
  if (control_version % 65536 == 0 && control_version != 0) {
    return unsupported("was written with the other byte order");
  }
  TRY(check_crc(bytes, control_version));
  const auto version = TRY_CONTEXT(version_of_catalog(load<uint32_t>(bytes, at::kCatalogVersion)),
                                   "reading pg_control");
  if (version.control_version != control_version) {
    return unsupported(fmt::format("has version {}, but PostgreSQL {} writes {}", control_version,
                                   version.major, version.control_version));
  }
  return version;
}

Result<void> check_build(ByteView bytes, const ControlFile& control) {
  if (load<uint32_t>(bytes, at::kMaxAlign) != 8 ||
      load<double>(bytes, at::kFloatFormat) != kFloatFormat) {
    return unsupported("was written on a machine with another memory layout");
  }
  if (control.block_bytes != 8192 || control.wal_block_bytes != 8192) {
    return unsupported(
        fmt::format("says blocks of {} and WAL blocks of {} bytes; only 8192 is supported",
                    control.block_bytes, control.wal_block_bytes));
  }
  if (!is_wal_segment_size(control.wal_segment_bytes) || control.relation_segment_blocks == 0) {
    return corrupt("has an impossible WAL or relation segment size");
  }
  return success();
}

void read_checkpoint(ByteView bytes, ControlFile& control) {
  control.checkpoint = {load<uint64_t>(bytes, at::kCheckpoint)};
  control.redo = {load<uint64_t>(bytes, at::kRedo)};
  control.timeline = {load<uint32_t>(bytes, at::kTimeline)};
  control.previous_timeline = {load<uint32_t>(bytes, at::kPreviousTimeline)};
  control.full_page_writes = load<uint8_t>(bytes, at::kFullPageWrites) != 0;
  control.next_xid = {load<uint64_t>(bytes, at::kNextXid)};
  control.next_oid = load<uint32_t>(bytes, at::kNextOid);
  control.oldest_xid = load<uint32_t>(bytes, at::kOldestXid);
  control.oldest_active_xid = load<uint32_t>(bytes, at::kOldestActiveXid);
  control.checkpoint_time = from_seconds(load<int64_t>(bytes, at::kCheckpointTime));
}

void read_recovery(ByteView bytes, ControlFile& control) {
  control.min_recovery_point = {load<uint64_t>(bytes, at::kMinRecoveryPoint)};
  control.min_recovery_point_timeline = {load<uint32_t>(bytes, at::kMinRecoveryPointTimeline)};
  control.backup_start = {load<uint64_t>(bytes, at::kBackupStart)};
  control.backup_end = {load<uint64_t>(bytes, at::kBackupEnd)};
  control.backup_end_required = load<uint8_t>(bytes, at::kBackupEndRequired) != 0;
}

void read_settings(ByteView bytes, ControlFile& control) {
  control.wal_level = static_cast<WalLevel>(load<int32_t>(bytes, at::kWalLevel));
  control.wal_log_hints = load<uint8_t>(bytes, at::kWalLogHints) != 0;
  control.max_connections = load<int32_t>(bytes, at::kMaxConnections);
  control.max_worker_processes = load<int32_t>(bytes, at::kMaxWorkerProcesses);
  control.max_wal_senders = load<int32_t>(bytes, at::kMaxWalSenders);
  control.max_prepared_transactions = load<int32_t>(bytes, at::kMaxPrepared);
  control.max_locks_per_transaction = load<int32_t>(bytes, at::kMaxLocks);
  control.track_commit_timestamp = load<uint8_t>(bytes, at::kTrackCommitTimestamp) != 0;
}

void read_layout(ByteView bytes, ControlFile& control) {
  control.block_bytes = load<uint32_t>(bytes, at::kBlockBytes);
  control.relation_segment_blocks = load<uint32_t>(bytes, at::kRelationSegmentBlocks);
  control.wal_block_bytes = load<uint32_t>(bytes, at::kWalBlockBytes);
  control.wal_segment_bytes = load<uint32_t>(bytes, at::kWalSegmentBytes);
  control.data_checksum_version = load<uint32_t>(bytes, at::kDataChecksumVersion);
}

}  // namespace

Result<ControlFile> parse_control_file(ByteView bytes) {
  if (bytes.size() < kFileBytes) {
    return corrupt(fmt::format("is {} bytes long instead of {}", bytes.size(), kFileBytes));
  }
  const Version version = TRY(check_version(bytes));
  const auto state = load<int32_t>(bytes, at::kState);
  if (state < 0 || state > static_cast<int32_t>(ClusterState::kInProduction)) {
    return corrupt(fmt::format("has an unknown state {}", state));
  }
  ControlFile control;
  control.major = version.major;
  control.control_version = version.control_version;
  control.catalog_version = version.catalog_version;
  control.system_identifier = {load<uint64_t>(bytes, at::kSystemIdentifier)};
  control.state = static_cast<ClusterState>(state);
  control.updated = from_seconds(load<int64_t>(bytes, at::kTime));
  read_checkpoint(bytes, control);
  read_recovery(bytes, control);
  read_settings(bytes, control);
  read_layout(bytes, control);
  TRY(check_build(bytes, control));
  return control;
}

}  // namespace walkback::pg
