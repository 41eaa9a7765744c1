// Prints what we decode from WAL segments, a line a record, for
// tests/wal/compare_with_pg_waldump.py:
//
//   wal_dump SEGMENT…      of one timeline, in order
//
//   RMGR LENGTH_WITHOUT_IMAGES/TOTAL XID LSN PREV BLOCKS EVENT
//
// A development tool: not installed.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "pg/data_directory.h"
#include "wal/record.h"
#include "wal/record_reader.h"
#include "wal/segment_header.h"
#include "wal/timed_event.h"

namespace walkback::wal {
namespace {

constexpr const char* kForks[] = {"", "fsm", "vm", "init"};

std::string block_text(const BlockReference& block) {
  const RelationLocator& relation = block.relation;
  std::string text =
      fmt::format(" #{}:{}/{}/{}:{}:{}", block.id, relation.tablespace, relation.database,
                  relation.number, kForks[static_cast<size_t>(block.fork)], block.block);
  if (block.image) text += block.image->apply ? ":FPW" : ":FPW-verify";
  return text;
}

template <typename T>
std::string list(std::string_view label, const Packed<T>& items) {
  std::string text = items.empty() ? "" : fmt::format(" {}=", label);
  for (const T& item : items) {
    if constexpr (std::is_same_v<T, RelationLocator>) {
      text += fmt::format("{}/{}/{},", item.tablespace, item.database, item.number);
    } else {
      text += fmt::format("{},", item);
    }
  }
  return text;
}

struct EventText {
  std::string operator()(const TransactionEnd& end) const {
    return fmt::format(" {} xid={} time={} db={}{}{}{}", end.committed ? "commit" : "abort",
                       end.xid, end.time.unix_us, end.database, list("subxids", end.subxids),
                       list("rels", end.dropped),
                       end.gid.empty() ? "" : fmt::format(" gid={}", end.gid));
  }
  std::string operator()(const TransactionPrepare& prepare) const {
    return fmt::format(" prepare xid={} time={} gid={}{}{}{}", prepare.xid, prepare.time.unix_us,
                       prepare.gid, list("subxids", prepare.subxids),
                       list("commit-rels", prepare.dropped_at_commit),
                       list("abort-rels", prepare.dropped_at_abort));
  }
  std::string operator()(const RestorePoint& point) const {
    return fmt::format(" restore-point {} time={}", point.name, point.time.unix_us);
  }
  std::string operator()(const Checkpoint& checkpoint) const {
    return fmt::format(" checkpoint {} redo={} tli={} prev={} next={} time={}",
                       checkpoint.shutdown ? "shutdown" : "online", checkpoint.redo.text(),
                       checkpoint.timeline.value, checkpoint.previous_timeline.value,
                       checkpoint.next_xid.value, checkpoint.time.unix_us);
  }
  std::string operator()(const RunningTransactions& running) const {
    return fmt::format(" running next={} oldest={} latest={}{}", running.next_xid,
                       running.oldest_running_xid, running.latest_completed_xid,
                       list("xids", running.xids));
  }
  std::string operator()(const TablespaceCreate& create) const {
    return fmt::format(" tablespace-create {} {}", create.tablespace, create.path);
  }
  std::string operator()(const TablespaceDrop& drop) const {
    return fmt::format(" tablespace-drop {}", drop.tablespace);
  }
  std::string operator()(const DatabaseCreate& create) const {
    return fmt::format(" database-create {}/{}{}", create.tablespace, create.database,
                       create.copied_from
                           ? fmt::format(" from {}/{}", create.copied_from->tablespace,
                                         create.copied_from->database)
                           : "");
  }
  std::string operator()(const DatabaseDrop& drop) const {
    return fmt::format(" database-drop {}{}", drop.database, list("tablespaces", drop.tablespaces));
  }
  std::string operator()(const ParameterChange& change) const {
    return fmt::format(" parameters max_connections={} wal_level={}", change.max_connections,
                       static_cast<int>(change.wal_level));
  }
  std::string operator()(const BackupEnd& end) const {
    return fmt::format(" backup-end {}", end.start.text());
  }
  std::string operator()(const EndOfRecovery& end) const {
    return fmt::format(" end-of-recovery tli={} prev={} time={}", end.timeline.value,
                       end.previous_timeline.value, end.time.unix_us);
  }
  std::string operator()(const OverwriteContrecord& record) const {
    return fmt::format(" overwrite {}", record.overwritten.text());
  }
};

class Dump {
 public:
  explicit Dump(const SegmentInfo& first)
      : reader_({first.segment_bytes, first.system_identifier, first.version.major}),
        events_(first.version.major),
        segment_bytes_(first.segment_bytes) {}

  // 0 to go on, 1 when the log cannot be read on.
  int segment(const std::string& name, ByteView bytes) {
    const auto parsed = pg::SegmentName::parse(name, segment_bytes_);
    if (!parsed.ok()) return complain(parsed.error());
    reader_.feed(*parsed, bytes);
    Record record;
    Outcome outcome;
    while ((outcome = reader_.next(record)) == Outcome::kRecord) {
      if (print(record) != 0) return 1;
    }
    return outcome == Outcome::kEndOfInput ? 0 : complain(reader_.error());
  }

 private:
  int print(const Record& record) {
    if (const auto decoded = decoded_.decode(record, reader_.major()); !decoded.ok()) {
      return complain(decoded.error());
    }
    std::string blocks;
    uint32_t images = 0;
    for (const BlockReference& block : decoded_.blocks()) {
      blocks += block_text(block);
      if (block.image) images += static_cast<uint32_t>(block.image->bytes.size());
    }
    const auto event = events_.of(record);
    if (!event.ok()) return complain(event.error());
    fmt::print("{} {}/{} {} {} {}{}{}\n", rmgr_name(record.rmgr), record.total_bytes() - images,
               record.total_bytes(), record.xid, record.start.text(), record.prev.text(), blocks,
               *event ? std::visit(EventText(), (*event)->what) : "");
    return 0;
  }

  static int complain(const Error& error) {
    fmt::print(stderr, "{}\n", error.message);
    return 1;
  }

  RecordReader reader_;
  TimedEvents events_;
  DecodedRecord decoded_;
  uint32_t segment_bytes_;
};

std::string read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

int run(int count, char** paths) {
  std::optional<Dump> dump;
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes = read(paths[i]);
    if (!dump) {
      const auto info = inspect_segment(as_bytes(bytes));
      if (!info.ok()) {
        fmt::print(stderr, "{}: {}\n", paths[i], info.error().message);
        return 1;
      }
      dump.emplace(*info);
    }
    const std::string_view path = paths[i];
    const std::string name(path.substr(path.rfind('/') + 1));
    if (const int status = dump->segment(name, as_bytes(bytes)); status != 0) return status;
  }
  return 0;
}

}  // namespace
}  // namespace walkback::wal

int main(int argc, char** argv) { return walkback::wal::run(argc - 1, argv + 1); }
