#include "wal/tools/record_text.h"

#include <fmt/format.h>

#include "pg/data_directory.h"

namespace walkback::wal {
namespace {

constexpr const char* kForks[] = {"", "fsm", "vm", "init"};
constexpr const char* kWalLevels[] = {"minimal", "replica", "logical"};

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
    return fmt::format(" {} xid={} time={}{}{}", end.committed ? "commit" : "abort", end.xid,
                       end.time.unix_us, list("subxids", end.subxids), list("rels", end.dropped));
  }
  std::string operator()(const TransactionPrepare& prepare) const {
    return fmt::format(" prepare xid={} time={} gid={}{}{}{}", prepare.xid, prepare.time.unix_us,
                       prepare.gid, list("subxids", prepare.subxids),
                       list("commit-rels", prepare.dropped_at_commit),
                       list("abort-rels", prepare.dropped_at_abort));
  }
  std::string operator()(const RestorePoint& point) const {
    return fmt::format(" restore-point {}", point.name);
  }
  std::string operator()(const Checkpoint& checkpoint) const {
    return fmt::format(" checkpoint {} redo={} tli={} prev={} next={} active={}",
                       checkpoint.shutdown ? "shutdown" : "online", checkpoint.redo.text(),
                       checkpoint.timeline.value, checkpoint.previous_timeline.value,
                       checkpoint.next_xid.value, checkpoint.oldest_active_xid);
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
    const auto source = create.copied_from.value_or(DatabaseCreate::Source());
    return fmt::format(
        " database-create {}/{}{}", create.tablespace, create.database,
        create.copied_from ? fmt::format(" from {}/{}", source.tablespace, source.database) : "");
  }
  std::string operator()(const DatabaseDrop& drop) const {
    std::string text = " database-drop";
    for (const pg::Oid tablespace : drop.tablespaces)
      text += fmt::format(" {}/{}", tablespace, drop.database);
    return text;
  }
  std::string operator()(const ParameterChange& change) const {
    return fmt::format(
        " parameters {} {} {} {} {} {} {} {}", change.max_connections, change.max_worker_processes,
        change.max_wal_senders, change.max_prepared_transactions, change.max_locks_per_transaction,
        kWalLevels[static_cast<size_t>(change.wal_level)], change.wal_log_hints ? "on" : "off",
        change.track_commit_timestamp ? "on" : "off");
  }
  std::string operator()(const BackupEnd& end) const {
    return fmt::format(" backup-end {}", end.start.text());
  }
  std::string operator()(const EndOfRecovery& end) const {
    return fmt::format(" end-of-recovery tli={} prev={} time={}", end.timeline.value,
                       end.previous_timeline.value, end.time.unix_us);
  }
  std::string operator()(const OverwriteContrecord& record) const {
    return fmt::format(" overwrite {} time={}", record.overwritten.text(), record.time.unix_us);
  }
};

}  // namespace

Result<std::string> RecordText::of(const Record& record) {
  TRY(decoded_.decode(record, major_));
  std::string blocks;
  uint32_t images = 0;
  for (const BlockReference& block : decoded_.blocks()) {
    blocks += block_text(block);
    if (block.image) images += static_cast<uint32_t>(block.image->bytes.size());
  }
  const auto event = TRY(events_.of(record));
  return fmt::format("{} {}/{} {} {} {}{}{}", rmgr_name(record.rmgr), record.total_bytes() - images,
                     record.total_bytes(), record.xid, record.start.text(), record.prev.text(),
                     blocks, event ? std::visit(EventText(), event->what) : "");
}

}  // namespace walkback::wal
