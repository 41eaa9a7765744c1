#include "undo/undo_table.h"

#include <fmt/format.h>

#include <algorithm>

namespace walkback::undo {

namespace {

// Triggers of other columns do not fire.
void forget_what_is_not_set(UndoTable& table) {
  const std::vector<std::string> columns = table.set_columns();
  for (Firing& one : table.shape.fires) {
    const bool is_set = std::ranges::any_of(one.columns, [&](const std::string& column) {
      return std::ranges::find(columns, column) != columns.end();
    });
    if (!one.columns.empty() && !is_set) one.on_update = false;
  }
}

// What is about columns that came since, or that follow from others, PostgreSQL alone checks.
std::vector<Check> new_checks(const UndoTable& table, const TableShape& then) {
  std::vector<Check> added;
  for (const Check& check : table.shape.checks) {
    const bool is_old =
        std::ranges::find(then.checks, check.expression, &Check::expression) != then.checks.end();
    if (!is_old && table.has_all(check.columns)) added.push_back(check);
  }
  for (const Column& column : table.columns) {
    const Column* was = then.column(column.name);
    if (!column.not_null || was == nullptr || was->not_null) continue;
    added.push_back({fmt::format("{} NOT NULL", column.name),
                     fmt::format("{} IS NOT NULL", column.name),
                     {column.name}});
  }
  return added;
}

}  // namespace

bool UndoTable::has_all(const std::vector<std::string>& names) const {
  return std::ranges::all_of(names, [&](const std::string& name) {
    return std::ranges::find(columns, name, &Column::name) != columns.end();
  });
}

std::vector<std::string> UndoTable::set_columns() const {
  std::vector<std::string> names;
  for (const Column& column : columns) {
    if (!column.identity_always) names.push_back(column.name);
  }
  return names;
}

UndoTable make_undo_table(size_t number, const TableShape& then, TableShape today) {
  UndoTable table;
  table.number = number;
  for (const Column& column : today.columns) {
    const Column* was = then.column(column.name);
    const bool is_same = was != nullptr && was->is_typed_as(column);
    if (is_same && !was->generated && !column.generated) table.columns.push_back(column);
  }
  table.shape = std::move(today);
  for (const UniqueKey& key : table.shape.keys) {
    if (key.identifies && table.has_all(names_of(key))) {
      table.key = key;
      break;
    }
  }
  table.new_checks = new_checks(table, then);
  forget_what_is_not_set(table);
  return table;
}

std::vector<std::string> names_of(const std::vector<Column>& columns) {
  std::vector<std::string> names;
  for (const Column& column : columns) names.push_back(column.name);
  return names;
}

std::vector<std::string> names_of(const UniqueKey& key) {
  std::vector<std::string> names;
  for (const ComparedColumn& column : key.columns) names.push_back(column.column);
  return names;
}

std::string listed(const std::vector<std::string>& columns, std::string_view row) {
  std::string text;
  for (const std::string& column : columns) {
    text += fmt::format("{}{}.{}", text.empty() ? "" : ", ", row, column);
  }
  return text;
}

std::string row_text(const std::vector<Column>& columns, std::string_view row) {
  return fmt::format("ROW({})::text", listed(names_of(columns), row));
}

std::string digest_of(const UndoTable& table, std::string_view row) {
  return fmt::format("encode(sha256(convert_to({}, getdatabaseencoding())), 'hex')",
                     row_text(table.columns, row));
}

}  // namespace walkback::undo
