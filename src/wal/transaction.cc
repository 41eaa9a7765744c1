#include "wal/transaction.h"

#include <fmt/format.h>

#include "wal/names.h"

namespace walkback::wal {
namespace {

// xinfo: which parts follow, in the order of the calls in parse_transaction_end().
constexpr uint32_t kHasDatabase = 1u << 0;
constexpr uint32_t kHasSubxids = 1u << 1;
constexpr uint32_t kHasRelations = 1u << 2;
constexpr uint32_t kHasInvalidations = 1u << 3;
constexpr uint32_t kHasTwoPhase = 1u << 4;
constexpr uint32_t kHasOrigin = 1u << 5;
constexpr uint32_t kHasGid = 1u << 7;                // bit 6 tells of locks; nothing follows
constexpr uint32_t kHasDroppedStatistics = 1u << 8;  // since 15
constexpr uint32_t kCompletionFlags = 7u << 29;      // what else replay does; nothing follows
constexpr uint32_t kKnownTo14 = 0xFF | kCompletionFlags;
constexpr uint32_t kKnownFrom15 = kKnownTo14 | kHasDroppedStatistics;

constexpr size_t kInvalidationBytes = 16;  // SharedInvalidationMessage

// xl_xact_stats_item: since 18 the object's id is 64 bits wide.
size_t statistics_item_bytes(int major) { return major >= 18 ? 16 : 12; }

void skip_items(ByteReader& reader, uint64_t count, size_t bytes) {
  reader.skip(count <= reader.remaining() / bytes ? count * bytes : reader.remaining() + 1);
}

std::string_view take_cstring(ByteReader& reader, ByteView bytes) {
  const std::string_view rest = as_text(bytes.subspan(reader.position()));
  const size_t length = rest.find('\0');
  if (length == std::string_view::npos) {
    reader.skip(reader.remaining() + 1);
    return {};
  }
  return as_text(reader.take(length + 1)).substr(0, length);
}

Error misread(std::string_view what, const ByteReader& reader) {
  return make_error(
      ErrorKind::kCorrupt,
      reader.failed() ? fmt::format("{} record is too short", what)
                      : fmt::format("{} record has {} bytes left over", what, reader.remaining()));
}

// xl_xact_prepare. 15 added two counts of dropped statistics.
constexpr uint32_t kTwoPhaseMagic = 0x57F94534;

// Each part of a two-phase state is padded to a multiple of eight (save_state_data in twophase.c).
void align(ByteReader& reader) { reader.skip((8 - reader.position() % 8) % 8); }

// TwoPhaseRecordOnDisk: what other modules remember of a prepared transaction, up to an end mark.
void skip_two_phase_records(ByteReader& reader) {
  while (!reader.failed()) {
    const auto length = reader.read<uint32_t>();
    const auto rmid = reader.read<uint8_t>();
    reader.skip(3);
    if (rmid == 0) return;
    reader.skip(length);
    align(reader);
  }
}

}  // namespace

Result<TransactionEnd> parse_transaction_end(ByteView main_data, uint8_t info, pg::Xid record_xid,
                                             int major) {
  const uint8_t kind = info & kTransactionMask;
  ByteReader reader(main_data);
  TransactionEnd end;
  end.committed = kind == kCommit || kind == kCommitPrepared;
  end.two_phase = kind == kCommitPrepared || kind == kAbortPrepared;
  end.xid = record_xid;
  end.time = pg::from_pg_timestamp(reader.read<int64_t>());
  if (info & kTransactionHasInfo) end.xinfo = reader.read<uint32_t>();
  if ((end.xinfo & ~(major >= 15 ? kKnownFrom15 : kKnownTo14)) != 0) {
    return make_error(ErrorKind::kCorrupt,
                      fmt::format("commit record with unknown flags {:x}", end.xinfo));
  }
  if (end.xinfo & kHasDatabase) {
    end.database = reader.read<uint32_t>();
    end.tablespace = reader.read<uint32_t>();
  }
  if (end.xinfo & kHasSubxids) end.subxids = take_packed<pg::Xid>(reader, reader.read<uint32_t>());
  if (end.xinfo & kHasRelations) {
    end.dropped = take_packed<RelationLocator>(reader, reader.read<uint32_t>());
  }
  if (end.xinfo & kHasDroppedStatistics) {
    skip_items(reader, reader.read<uint32_t>(), statistics_item_bytes(major));
  }
  if ((end.xinfo & kHasInvalidations) && end.committed) {
    skip_items(reader, reader.read<uint32_t>(), kInvalidationBytes);
  }
  if (end.xinfo & kHasTwoPhase) {
    end.xid = reader.read<uint32_t>();
    if (end.xinfo & kHasGid) end.gid = take_cstring(reader, main_data);
  }
  if (end.xinfo & kHasOrigin) end.origin = reader.read<TransactionOrigin>();
  if (reader.failed() || reader.remaining() != 0)
    return misread(end.committed ? "commit" : "abort", reader);
  return end;
}

Result<TransactionPrepare> parse_transaction_prepare(ByteView main_data, int major) {
  ByteReader reader(main_data);
  TransactionPrepare prepare;
  const auto magic = reader.read<uint32_t>();
  reader.skip(4);  // length of the state file, which has a checksum too
  prepare.xid = reader.read<uint32_t>();
  prepare.database = reader.read<uint32_t>();
  prepare.time = pg::from_pg_timestamp(reader.read<int64_t>());
  prepare.owner = reader.read<uint32_t>();
  const auto subxids = reader.read<uint32_t>();
  const auto commit_relations = reader.read<uint32_t>();
  const auto abort_relations = reader.read<uint32_t>();
  const auto commit_statistics = major >= 15 ? reader.read<uint32_t>() : 0;
  const auto abort_statistics = major >= 15 ? reader.read<uint32_t>() : 0;
  const auto invalidations = reader.read<uint32_t>();
  reader.skip(2);  // initfileinval and padding
  const auto gid_bytes = reader.read<uint16_t>();
  reader.skip(16);  // origin
  align(reader);
  if (!reader.failed() && magic != kTwoPhaseMagic) {
    return make_error(ErrorKind::kCorrupt, fmt::format("prepare record with magic {:08X}", magic));
  }
  const std::string_view gid = as_text(reader.take(gid_bytes));
  prepare.gid = gid.substr(0, gid.find('\0'));
  align(reader);
  prepare.subxids = take_packed<pg::Xid>(reader, subxids);
  align(reader);
  prepare.dropped_at_commit = take_packed<RelationLocator>(reader, commit_relations);
  align(reader);
  prepare.dropped_at_abort = take_packed<RelationLocator>(reader, abort_relations);
  align(reader);
  skip_items(reader, commit_statistics, statistics_item_bytes(major));
  align(reader);
  skip_items(reader, abort_statistics, statistics_item_bytes(major));
  align(reader);
  skip_items(reader, invalidations, kInvalidationBytes);
  align(reader);
  skip_two_phase_records(reader);
  if (reader.failed() || reader.remaining() != 0) return misread("prepare", reader);
  return prepare;
}

// xl_xact_assignment
Result<TransactionAssignment> parse_transaction_assignment(ByteView main_data) {
  ByteReader reader(main_data);
  TransactionAssignment assignment;
  assignment.top = reader.read<uint32_t>();
  assignment.subxids = take_packed<pg::Xid>(reader, reader.read<uint32_t>());
  if (reader.failed() || reader.remaining() != 0) return misread("assignment", reader);
  return assignment;
}

}  // namespace walkback::wal
