// One table of the running cluster that rows are given back to, and SQL's expressions of its rows.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "undo/table_shape.h"

namespace walkback::undo {

struct UndoTable {
  size_t number = 0;  // N of undo_N, from 1
  TableShape shape;   // as it is today
  // Those it has and had, of one type, whose values do not follow from others'.
  std::vector<Column> columns;
  // By which its rows are told; nothing where only the whole row tells them.
  std::optional<UniqueKey> key;
  // That rows had not to meet then; SET NOT NULL is one, by the name of its column.
  std::vector<Check> new_checks;

  bool has_all(const std::vector<std::string>& names) const;  // among `columns`
  // Those that an UPDATE sets. Where a GENERATED ALWAYS AS IDENTITY differs the row comes anew:
  // nothing else sets that.
  std::vector<std::string> set_columns() const;
};
// `then` as the transaction found it.
UndoTable make_undo_table(size_t number, const TableShape& then, TableShape today);

std::vector<std::string> names_of(const std::vector<Column>& columns);
std::vector<std::string> names_of(const UniqueKey& key);

// "a.x, a.y": `row` is a FROM item's alias, here and below.
std::string listed(const std::vector<std::string>& columns, std::string_view row);
// A row's values as one text: "ROW(t.a, t.b)::text".
std::string row_text(const std::vector<Column>& columns, std::string_view row);
// The expression that tells whether a row is still what it was: of its values as text, so that
// types without equality have one, and 1.0 is not 1.00.
std::string digest_of(const UndoTable& table, std::string_view row);

}  // namespace walkback::undo
