#include "undo/returning_rows.h"

#include <algorithm>

#include "undo/staging.h"

namespace walkback::undo {

namespace {

constexpr size_t kMostWaiting = 4096;

Script script_of(const std::vector<ReturningTable>& tables, std::string encoding) {
  std::vector<UndoTable> today;
  for (const ReturningTable& table : tables) today.push_back(table.today);
  return Script(std::move(today), std::move(encoding));
}

}  // namespace

ReturningRows::ReturningRows(pgconn::Connection& server, std::vector<ReturningTable> tables,
                             OutputFile& file, std::string encoding, std::stop_token stop)
    : server_(server),
      tables_(std::move(tables)),
      script_(script_of(tables_, std::move(encoding))),
      file_(file),
      stop_(std::move(stop)) {
  for (const ReturningTable& table : tables_) waiting_[table.then.name.oid].table = &table;
}

Result<void> ReturningRows::begin(std::string_view says) { return file_.begin(says, script_); }

Result<void> ReturningRows::add(const ToldRow& row) {
  const auto found = waiting_.find(row.table);
  if (found == waiting_.end()) return success();
  Waiting& waiting = found->second;
  waiting.rows.push_back({row.at, ++rows_});
  return waiting.rows.size() < kMostWaiting ? success() : put(waiting);
}

Result<void> ReturningRows::put(Waiting& waiting) {
  // Each block is read once.
  std::ranges::sort(waiting.rows, std::ranges::less(), &PlacedRow::at);
  TRY(stage_places(server_, waiting.table->then.name.quoted, waiting.table->today, waiting.rows,
                   stop_, [&](const std::string& statement) { return file_.add(statement); }));
  waiting.rows.clear();
  return success();
}

Result<uint64_t> ReturningRows::finish(OnConflict mode) {
  for (auto& [oid, waiting] : waiting_) {
    if (!waiting.rows.empty()) TRY(put(waiting));
  }
  TRY(file_.give_back(script_, mode));
  TRY(file_.end());
  return rows_;
}

}  // namespace walkback::undo
