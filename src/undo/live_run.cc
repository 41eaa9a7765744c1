#include "undo/live_run.h"

#include <fmt/format.h>

#include "pgconn/values.h"
#include "undo/firing.h"

namespace walkback::undo {

namespace {

using pgconn::number;

constexpr size_t kMostListed = 1000;  // of a table

}  // namespace

uint64_t LiveOutcome::conflicts() const {
  uint64_t all = 0;
  for (const TableOutcome& table : tables) all += table.conflicts;
  return all;
}

LiveRun::~LiveRun() {
  if (open_) (void)live_.query("ROLLBACK");
}

Result<void> LiveRun::run(const Script::Statements& statements) {
  for (const std::string& statement : statements) TRY(live_.query(statement));
  return success();
}

Result<LiveOutcome> LiveRun::preview() {
  TRY(live_.query(kBegin));
  open_ = true;
  TRY(run(script_.settings()));
  TRY(run(script_.make_tables()));
  TRY(rows_.visit([&](const std::string& statement) -> Result<void> {
    return explained(statement, live_.query(statement));
  }));
  TRY(live_.query("SAVEPOINT staged"));
  TRY(run(script_.find_conflicts(OnConflict::kSkip, /*locks=*/false)));
  LiveOutcome found = TRY(outcome());
  TRY(live_.query("ROLLBACK TO SAVEPOINT staged"));
  return found;
}

Result<LiveOutcome> LiveRun::apply(OnConflict mode) {
  TRY(run(script_.find_conflicts(mode, /*locks=*/true)));
  LiveOutcome done = TRY(outcome());
  if (mode == OnConflict::kFail && done.conflicts() > 0) {
    return make_error(
        ErrorKind::kConflict,
        fmt::format("{} of the rows are not as the transaction left them: nothing was changed",
                    done.conflicts()),
        "--on-conflict skip leaves those as they are, overwrite sets them back all the same");
  }
  TRY(run(script_.give_back()));
  if (last_ != nullptr) {
    TRY(last_->visit([&](const std::string& statement) -> Result<void> {
      TRY(live_.query(statement));
      return success();
    }));
  }
  done.xid = number<uint64_t>(TRY(pgconn::query_text(live_, "SELECT pg_current_xact_id()")));
  TRY(live_.query("COMMIT"));
  open_ = false;
  return done;
}

// A domain's constraint that came since keeps rows from being staged: there is no row then that a
// conflict could be told of.
Result<void> LiveRun::explained(const std::string& statement, Result<pgconn::Table> ran) const {
  if (ran.ok()) return success();
  Error error = std::move(ran).error();
  if (!error.message.ends_with("(SQLSTATE 23514)") &&
      !error.message.ends_with("(SQLSTATE 23502)")) {
    return error;
  }
  for (const UndoTable& table : script_.tables()) {
    if (!statement.starts_with(fmt::format("INSERT INTO undo_{}_", table.number))) continue;
    error.message =
        fmt::format("a row of {} cannot come back: {}", table.shape.name.quoted, error.message);
  }
  error.hint =
      "the constraint came since: nothing was changed. --table takes the other tables; "
      "without the constraint for the while (ALTER DOMAIN … DROP CONSTRAINT) its rows "
      "come back; --format csv has them";
  return error;
}

Result<std::vector<std::string>> LiveRun::fired(const UndoTable& table) {
  if (table.shape.fires.empty()) return std::vector<std::string>();
  const pgconn::Table run = TRY(live_.query(script_.commands(table)));
  const pgconn::Row& row = run.rows[0];
  return fired_by(table.shape,
                  {pgconn::truth(row[0]), pgconn::truth(row[1]), pgconn::truth(row[2])});
}

Result<LiveOutcome> LiveRun::outcome() {
  LiveOutcome found;
  if (script_.tables().empty()) return found;
  const pgconn::Table report = TRY(live_.query(script_.report()));
  for (const pgconn::Row& row : report.rows) {
    TableOutcome table;
    table.table = row[0].value_or("");
    table.inserted = number<uint64_t>(row[1]);
    table.set_back = number<uint64_t>(row[2]);
    table.removed = number<uint64_t>(row[3]);
    table.conflicts = number<uint64_t>(row[4]);
    table.fires = TRY(fired(script_.tables()[found.tables.size()]));
    found.tables.push_back(std::move(table));
  }
  for (size_t i = 0; i < found.tables.size(); ++i) {
    if (found.tables[i].conflicts == 0) continue;
    const pgconn::Table listed =
        TRY(live_.query(script_.conflicts(script_.tables()[i], kMostListed)));
    for (const pgconn::Row& row : listed.rows) {
      found.tables[i].listed.push_back(
          {row[0].value_or(""), row[1].value_or(""), row[2].value_or("")});
    }
  }
  return found;
}

}  // namespace walkback::undo
