#include "drill/row_counts.h"

#include <fmt/format.h>

#include <map>

#include "pgconn/values.h"

namespace walkback::drill {

namespace {

constexpr const char* kDatabases =
    "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname";

// A partitioned table's rows are its partitions', and those of a table that others inherit from are
// counted with each (FROM ONLY).
constexpr const char* kTables =
    "SELECT n.nspname, c.relname, format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.relispopulated"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
    " ORDER BY c.relpages DESC, c.oid";

Result<void> count_database(const std::string& database, pgconn::Connection& session,
                            RowCounts& counts, Progress& progress, const std::stop_token& stop) {
  const pgconn::Table tables = TRY(session.query(kTables));
  for (const pgconn::Row& row : tables.rows) {
    if (stop.stop_requested()) {
      return make_error(ErrorKind::kCancelled, "interrupted while rows were counted");
    }
    TableRows table{database, row.at(0).value_or(""), row.at(1).value_or(""), 0};
    progress.detail(table.name());
    const Result<std::string> count = pgconn::query_text(session, row.at(2).value_or(""));
    if (!count.ok()) {
      counts.unreadable.push_back(fmt::format("{}: {}", table.name(), count.error().message));
      if (!session.alive()) return count.error();
      continue;
    }
    table.rows = pgconn::number<decltype(table.rows)>(*count);
    counts.rows += table.rows;
    counts.tables.push_back(std::move(table));
  }
  return success();
}

}  // namespace

Result<RowCounts> count_rows(const Connect& connect, Progress& progress,
                             const std::stop_token& stop) {
  progress.begin("counting rows", 0);
  RowCounts counts;
  pgconn::Table databases;
  {
    const std::unique_ptr<pgconn::Connection> session = TRY(connect("postgres"));
    databases = TRY(session->query(kDatabases));
  }
  for (const pgconn::Row& row : databases.rows) {
    const std::string database = row.at(0).value_or("");
    Result<std::unique_ptr<pgconn::Connection>> session = connect(database);
    Result<void> counted = session.ok()
                               ? count_database(database, **session, counts, progress, stop)
                               : Result<void>(session.error());
    if (!counted.ok() && counted.error().kind == ErrorKind::kCancelled) return counted.error();
    if (!counted.ok()) {
      counts.unreadable.push_back(fmt::format("{}: {}", database, counted.error().message));
    }
    ++counts.databases;
  }
  return counts;
}

std::vector<std::string> compare_rows(const std::vector<TableRows>& now,
                                      const std::vector<TableRows>& before) {
  std::map<std::string, uint64_t> rows_now;
  for (const TableRows& table : now) rows_now.emplace(table.name(), table.rows);
  std::vector<std::string> remarks;
  for (const TableRows& table : before) {
    if (table.rows == 0) continue;
    const auto there = rows_now.find(table.name());
    if (there == rows_now.end()) {
      remarks.push_back(fmt::format("{} is gone; it had {} rows", table.name(), table.rows));
    } else if (there->second == 0) {
      remarks.push_back(fmt::format("{} is empty; it had {} rows", table.name(), table.rows));
    } else if (there->second < table.rows / 2) {
      remarks.push_back(
          fmt::format("{} has {} rows; it had {}", table.name(), there->second, table.rows));
    }
  }
  return remarks;
}

Proof rows_proof(const RowCounts& counts) {
  constexpr const char* kName = "row_counts";
  if (!counts.unreadable.empty()) {
    return failed(kName, fmt::format("{} could not be read", counts.unreadable.size()),
                  counts.unreadable);
  }
  return proved(kName, fmt::format("{} rows of {} tables in {} databases were read", counts.rows,
                                   counts.tables.size(), counts.databases));
}

}  // namespace walkback::drill
