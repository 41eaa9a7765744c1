// `walkback undo`: gives back the rows that one transaction took, and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/names.h"
#include "catalog/unreadable.h"
#include "find/table_pattern.h"
#include "pgconn/connection.h"
#include "scratch/scratch_server.h"
#include "undo/choice.h"
#include "undo/live_run.h"
#include "undo/on_conflict.h"
#include "undo/row_format.h"

namespace walkback::undo {

struct UndoReport;

struct UndoOptions {
  std::string cluster;
  uint64_t xid = 0;                      // 32 bits as users read them in logs, or with the epoch
  std::vector<find::TablePattern> only;  // all where it is empty
  std::optional<pg::TimelineId> timeline;
  scratch::ScratchOptions scratch;  // its name, purpose and stand are undo's business
  std::optional<catalog::Names> live_names;
  // The running cluster; the database of conninfo where `database` is empty.
  std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>
      connect_live;
  OnConflict on_conflict = OnConflict::kFail;
  bool apply = false;
  // A server as it was just before the transaction, whole and stopped.
  bool keep = false;
  // Another name for the one table that was dropped; its schema is empty where it stays.
  std::optional<find::SchemaAndName> as;
  // Is told the preview, before anything is done.
  std::function<void(const UndoReport&)> on_preview;
  // What is to be written: the script, or the rows as data (see change_files.h).
  std::optional<RowOutput> output;
  catalog::OnUnreadable unreadable;
};

struct UndoReport {
  uint64_t xid = 0;
  std::optional<Timestamp> began_at, committed_at;
  pg::Lsn lsn;
  std::string database;
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;
  // What would be done and what stands against it, as the running cluster is; nothing of it when
  // that does not answer, for the reason in `not_compared`.
  LiveOutcome preview;
  // What comes back with the tables that were dropped: "view public.v".
  std::vector<std::string> with_tables;
  std::string not_compared;
  std::optional<LiveOutcome> applied;
  scratch::Fetched fetched;
  scratch::KeptServer kept;  // with `keep`
};

// kInvalid, kMissing and kUnsupported for a transaction that cannot be undone, before anything is
// fetched or started; likewise for a running cluster that is another one, and kConflict for an
// output that is there already. kConflict from applying, with nothing done.
Result<UndoReport> run_undo(const UndoOptions& options, scratch::Surroundings& around);

}  // namespace walkback::undo
