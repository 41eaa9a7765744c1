// The SQL that gives back what a transaction took: one transaction, in statements that a person can
// read and psql can run. Pure: text from tables' shapes.
//
// What `undo --apply` runs is these very statements, and its preview is the first of them. For each
// table they fill two temporary tables, undo_N_was with the rows as the transaction found them and
// undo_N_now with what tells its rows as it left them, and then one, undo_N, that says of each row
// what is to be done and what stands against it. docs/design/undo.md has the rules and their
// reasons.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "undo/on_conflict.h"
#include "undo/undo_table.h"

namespace walkback::undo {

inline constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

// In this order; each is one statement without its semicolon, with comment lines before it.
class Script {
 public:
  // Tables that are referenced come before those that refer to them, as far as that can be.
  // `encoding` is the client's in which its rows are.
  explicit Script(std::vector<UndoTable> tables, std::string encoding = "UTF8");
  const std::vector<UndoTable>& tables() const { return tables_; }

  using Statements = std::vector<std::string>;
  // After kBegin. pgconn's sessions have most of them; a script may be run by anybody.
  Statements settings() const;
  Statements make_tables() const;
  // Which rows are meant, and what stands against each. `locks`: the rows, and those they refer to,
  // stay as they are until the transaction ends.
  Statements find_conflicts(OnConflict mode, bool locks) const;
  Statements fail_on_conflict() const;
  // A constraint that find_conflicts() does not know (a unique index of a part of the rows or of an
  // expression, an exclusion) may end it: then nothing is done.
  Statements give_back() const;
  // Where there are any tables: one row for each, in the order of tables(): the table, rows
  // inserted back, set back and removed, rows with a conflict.
  std::string report() const;
  // Whether rows without a conflict make it INSERT, UPDATE, DELETE: one row of three.
  static std::string commands(const UndoTable& table);
  // The first `most` rows of a table with a conflict: (what was to be done: "insert", "update" or
  // "remove"; the conflict; its key, or the row).
  std::string conflicts(const UndoTable& table, size_t most) const;

 private:
  std::vector<UndoTable> tables_;
  std::string encoding_;
};

}  // namespace walkback::undo
