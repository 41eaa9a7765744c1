#include "wal/xlog_records.h"

#include <fmt/format.h>

#include "wal/names.h"

namespace walkback::wal {
namespace {

template <typename T>
Result<T> finished(const T& value, const ByteReader& reader, std::string_view what) {
  if (!reader.failed()) return value;
  return make_error(ErrorKind::kCorrupt, fmt::format("{} record is too short", what));
}

// Up to a NUL, or all of it.
std::string_view until_nul(ByteView bytes) {
  const std::string_view text = as_text(bytes);
  return text.substr(0, text.find('\0'));
}

Timestamp read_time(ByteReader& reader) { return pg::from_pg_timestamp(reader.read<int64_t>()); }

bool read_flag(ByteReader& reader) { return reader.read<uint8_t>() != 0; }

}  // namespace

Result<Checkpoint> parse_checkpoint(ByteView main_data, bool shutdown, int major) {
  ByteReader reader(main_data);
  Checkpoint checkpoint;
  checkpoint.shutdown = shutdown;
  checkpoint.redo = {reader.read<uint64_t>()};
  checkpoint.timeline = {reader.read<uint32_t>()};
  checkpoint.previous_timeline = {reader.read<uint32_t>()};
  reader.skip(4);                                 // full_page_writes
  const auto wal_level = reader.read<int32_t>();  // padding until 16
  if (major >= 17) checkpoint.wal_level = static_cast<pg::WalLevel>(wal_level);
  checkpoint.next_xid = {reader.read<uint64_t>()};
  reader.skip(32);  // next OID and multixact, oldest xid and multixact, padding
  int64_t unix_us = 0;
  if (!__builtin_mul_overflow(reader.read<int64_t>(), int64_t{1'000'000}, &unix_us)) {
    checkpoint.time = {unix_us};
  }
  reader.skip(8);  // commit timestamps
  checkpoint.oldest_active_xid = reader.read<uint32_t>();
  return finished(checkpoint, reader, "checkpoint");
}

Result<RestorePoint> parse_restore_point(ByteView main_data) {
  constexpr size_t kNameBytes = 64;  // MAXFNAMELEN
  ByteReader reader(main_data);
  RestorePoint point;
  point.time = read_time(reader);
  point.name = until_nul(reader.take(kNameBytes));
  return finished(point, reader, "restore point");
}

Result<EndOfRecovery> parse_end_of_recovery(ByteView main_data) {
  ByteReader reader(main_data);
  EndOfRecovery end;
  end.time = read_time(reader);
  end.timeline = {reader.read<uint32_t>()};
  end.previous_timeline = {reader.read<uint32_t>()};
  return finished(end, reader, "end of recovery");
}

Result<ParameterChange> parse_parameter_change(ByteView main_data) {
  ByteReader reader(main_data);
  ParameterChange change;
  change.max_connections = reader.read<int32_t>();
  change.max_worker_processes = reader.read<int32_t>();
  change.max_wal_senders = reader.read<int32_t>();
  change.max_prepared_transactions = reader.read<int32_t>();
  change.max_locks_per_transaction = reader.read<int32_t>();
  change.wal_level = static_cast<pg::WalLevel>(reader.read<int32_t>());
  change.wal_log_hints = read_flag(reader);
  change.track_commit_timestamp = read_flag(reader);
  return finished(change, reader, "parameter change");
}

Result<BackupEnd> parse_backup_end(ByteView main_data) {
  ByteReader reader(main_data);
  return finished(BackupEnd{{reader.read<uint64_t>()}}, reader, "backup end");
}

Result<FullPageWritesChange> parse_full_page_writes(ByteView main_data) {
  ByteReader reader(main_data);
  return finished(FullPageWritesChange{read_flag(reader)}, reader, "full page writes");
}

Result<OverwriteContrecord> parse_overwrite_contrecord(ByteView main_data) {
  ByteReader reader(main_data);
  OverwriteContrecord record;
  record.overwritten = {reader.read<uint64_t>()};
  record.time = read_time(reader);
  return finished(record, reader, "overwrite contrecord");
}

Result<RunningTransactions> parse_running_transactions(ByteView main_data) {
  ByteReader reader(main_data);
  RunningTransactions running;
  const auto xids = reader.read<uint32_t>();
  const auto subxids = reader.read<uint32_t>();
  running.subxids_overflowed = read_flag(reader);
  reader.skip(3);
  running.next_xid = reader.read<uint32_t>();
  running.oldest_running_xid = reader.read<uint32_t>();
  running.latest_completed_xid = reader.read<uint32_t>();
  running.xids = take_packed<pg::Xid>(reader, xids);
  running.subxids = take_packed<pg::Xid>(reader, subxids);
  return finished(running, reader, "running transactions");
}

Result<TablespaceCreate> parse_tablespace_create(ByteView main_data) {
  ByteReader reader(main_data);
  TablespaceCreate create;
  create.tablespace = reader.read<uint32_t>();
  create.path = until_nul(reader.take(reader.remaining()));
  return finished(create, reader, "tablespace create");
}

Result<TablespaceDrop> parse_tablespace_drop(ByteView main_data) {
  ByteReader reader(main_data);
  return finished(TablespaceDrop{reader.read<uint32_t>()}, reader, "tablespace drop");
}

DatabaseRecord database_record(uint8_t info, int major) {
  switch (info & 0xF0) {
    case 0x00:
      return DatabaseRecord::kCreateFileCopy;
    case 0x10:
      return major >= 15 ? DatabaseRecord::kCreateLogged : DatabaseRecord::kDrop;
    case 0x20:
      return major >= 15 ? DatabaseRecord::kDrop : DatabaseRecord::kUnknown;
    default:
      return DatabaseRecord::kUnknown;
  }
}

Result<DatabaseCreate> parse_database_create(ByteView main_data, bool file_copy) {
  ByteReader reader(main_data);
  DatabaseCreate create;
  create.database = reader.read<uint32_t>();
  create.tablespace = reader.read<uint32_t>();
  if (file_copy) {
    DatabaseCreate::Source source;
    source.database = reader.read<uint32_t>();
    source.tablespace = reader.read<uint32_t>();
    create.copied_from = source;
  }
  return finished(create, reader, "database create");
}

Result<DatabaseDrop> parse_database_drop(ByteView main_data) {
  ByteReader reader(main_data);
  DatabaseDrop drop;
  drop.database = reader.read<uint32_t>();
  drop.tablespaces = take_packed<pg::Oid>(reader, reader.read<uint32_t>());
  return finished(drop, reader, "database drop");
}

Result<StorageCreate> parse_storage_create(ByteView main_data) {
  ByteReader reader(main_data);
  StorageCreate create;
  create.relation = reader.read<RelationLocator>();
  const auto fork = reader.read<uint32_t>();
  if (fork > static_cast<uint32_t>(pg::Fork::kInit)) {
    return make_error(ErrorKind::kCorrupt, fmt::format("storage create record of fork {}", fork));
  }
  create.fork = static_cast<pg::Fork>(fork);
  return finished(create, reader, "storage create");
}

Result<StorageTruncate> parse_storage_truncate(ByteView main_data) {
  ByteReader reader(main_data);
  StorageTruncate truncate;
  truncate.blocks = reader.read<uint32_t>();
  truncate.relation = reader.read<RelationLocator>();
  const auto flags = reader.read<uint32_t>();
  truncate.main = flags & 1;
  truncate.visibility_map = flags & 2;
  truncate.free_space_map = flags & 4;
  return finished(truncate, reader, "storage truncate");
}

Result<RelationMapUpdate> parse_relation_map_update(ByteView main_data) {
  ByteReader reader(main_data);
  RelationMapUpdate update;
  update.database = reader.read<uint32_t>();
  reader.skip(sizeof(pg::Oid));  // the tablespace
  update.map = TRY(pg::parse_filenode_map(reader.take(reader.read<uint32_t>())));
  return finished(update, reader, "relation map");
}

}  // namespace walkback::wal
