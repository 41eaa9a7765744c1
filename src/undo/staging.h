// From the places of rows to the statements that fill undo_N_was and undo_N_now.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/row_changes.h"
#include "undo/row_images.h"
#include "undo/undo_table.h"

namespace walkback::undo {

using StatementSink = std::function<Result<void>(const std::string& statement)>;

// The rows as the transaction found them: `server` stands just before its commit. `then` is the
// table's name there. Row numbers count `rows` from 1.
Result<void> stage_was(pgconn::Connection& server, const std::string& then, const UndoTable& table,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop,
                       const StatementSink& take);
// Of such rows, those that lie at `places`, in that order.
Result<void> stage_places(pgconn::Connection& server, const std::string& then,
                          const UndoTable& table, const std::vector<PlacedRow>& places,
                          const std::stop_token& stop, const StatementSink& take);
// The same of a table that it truncated: every row that there is, numbered from `first_number`, on
// a server on which the transaction never happened. Returns how many.
Result<uint64_t> stage_all(pgconn::Connection& server, const std::string& then,
                           const UndoTable& table, uint64_t first_number,
                           const std::stop_token& stop, const StatementSink& take);
// As it left them: `server` stands just after its commit.
Result<void> stage_now(pgconn::Connection& server, const std::string& then, const UndoTable& table,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop,
                       const StatementSink& take);

}  // namespace walkback::undo
