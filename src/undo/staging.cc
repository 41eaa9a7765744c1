#include "undo/staging.h"

#include <fmt/format.h>

#include "undo/row_writer.h"

namespace walkback::undo {

namespace {

auto to_statements(RowWriter& writer, const StatementSink& take) {
  return [&](uint64_t number, std::vector<pgconn::Value> values) -> Result<void> {
    std::optional<std::string> statement = writer.add(number, values);
    return statement ? take(*statement) : success();
  };
}

Result<void> finish(RowWriter& writer, const StatementSink& take) {
  std::optional<std::string> rest = writer.rest();
  return rest ? take(*rest) : success();
}

Result<void> stage(pgconn::Connection& server, const std::string& then,
                   const std::string& expressions, const std::vector<PlacedRow>& rows,
                   RowWriter writer, const std::stop_token& stop, const StatementSink& take) {
  TRY(read_rows(server, then, expressions, rows, stop, to_statements(writer, take)));
  return finish(writer, take);
}

std::string values_of(const UndoTable& table) { return listed(names_of(table.columns), "t"); }

RowWriter writer_of_was(const UndoTable& table) {
  return {fmt::format("undo_{}_was", table.number), table.columns};
}

}  // namespace

Result<void> stage_was(pgconn::Connection& server, const std::string& then, const UndoTable& table,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop,
                       const StatementSink& take) {
  return stage_places(server, then, table, places_of(rows, &ChangedRow::was), stop, take);
}

Result<void> stage_places(pgconn::Connection& server, const std::string& then,
                          const UndoTable& table, const std::vector<PlacedRow>& places,
                          const std::stop_token& stop, const StatementSink& take) {
  return stage(server, then, values_of(table), places, writer_of_was(table), stop, take);
}

Result<uint64_t> stage_all(pgconn::Connection& server, const std::string& then,
                           const UndoTable& table, uint64_t first_number,
                           const std::stop_token& stop, const StatementSink& take) {
  RowWriter writer = writer_of_was(table);
  const uint64_t rows = TRY(read_all_rows(server, fmt::format("ONLY {} t", then), values_of(table),
                                          first_number, stop, to_statements(writer, take)));
  TRY(finish(writer, take));
  return rows;
}

Result<void> stage_now(pgconn::Connection& server, const std::string& then, const UndoTable& table,
                       const std::vector<ChangedRow>& rows, const std::stop_token& stop,
                       const StatementSink& take) {
  std::string expressions = digest_of(table, "t");
  std::vector<Column> columns{Column{"undo_is", "text"}};
  if (table.key) {
    for (const std::string& name : names_of(*table.key)) {
      columns.push_back(*table.shape.column(name));
    }
    expressions += ", " + listed(names_of(*table.key), "t");
  }
  return stage(server, then, expressions, places_of(rows, &ChangedRow::now),
               RowWriter(fmt::format("undo_{}_now", table.number), std::move(columns)), stop, take);
}

}  // namespace walkback::undo
