// What a transaction took, read from the scratch servers of its undo: rows as it found and as it
// left them, as statements on disk that fill undo_N_was and undo_N_now (script.h), and the tables
// that it dropped, as statements that make them again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "find/find.h"
#include "scratch/scratch_server.h"
#include "undo/change_files.h"
#include "undo/choice.h"
#include "undo/live_cluster.h"
#include "undo/recreation.h"
#include "undo/row_changes.h"
#include "undo/text_spool.h"
#include "undo/transaction_wal.h"
#include "undo/undo_servers.h"
#include "undo/undo_table.h"

namespace walkback::undo {

// One table on its way back.
struct Undone {
  const find::FoundTable* found = nullptr;
  // Of a truncated one, those that the transaction put into its new file.
  std::vector<ChangedRow> rows;
  // Known once it was read.
  uint64_t truncated_rows = 0;
  TableShape then;      // on the scratch server
  bool locked = false;  // by the transaction, so that a standby's readers wait
  std::optional<UndoTable> table;

  bool truncated() const { return found->fate == find::FileFate::kTruncated; }
  // Rows as the transaction left them have to be looked at.
  bool any_now() const;
};

struct OldRowsRequest {
  uint64_t xid = 0;
  const Choice& choice;
  const TransactionWal& wal;
  std::string directory, id;            // where its spools may lie, and whose they are
  ChangeFiles* change_files = nullptr;  // unless it is null, it is given every row as well
  // Of the tables that it dropped.
  RecreateOptions recreate;
  std::string pg_dump;
  bool makes_again = false;  // the statements are wanted
};

struct OldRows {
  std::vector<Undone> tables;             // that come back
  TextSpool rows;                         // of those
  std::vector<TableOutcome> created;      // tables that were dropped
  std::optional<TextSpool> definitions;   // of those, where they are wanted
  std::vector<std::string> with_created;  // what comes back with them: "view public.v"
  std::string encoding = "UTF8";          // of the statements
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;
};

// Of `tables`, which may be none, those that do not belong into what they are today are left out;
// where the running cluster does not answer (`live` is none) today is as it was. kUnsupported where
// the server cannot be read at the commit; kCorrupt where it has not the tables that the WAL names.
Result<OldRows> read_old_rows(const OldRowsRequest& request, std::vector<Undone> tables,
                              UndoServers& servers, LiveSession& live,
                              scratch::Surroundings& around);

}  // namespace walkback::undo
