// The SQL that gives back what a transaction took: one transaction, in statements that a person can
// read and psql can run. Pure: text from tables' shapes.
//
// What `undo --apply` runs is these very statements, and its preview is the first of them. For each
// table they fill two temporary tables, undo_N_was with the rows as the transaction found them and
// undo_N_now with what tells its rows as it left them, and then one, undo_N, that says of each row
// what is to be done and what stands against it. docs/design/undo.md has the rules and their
// reasons.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgconn/connection.h"
#include "undo/table_shape.h"

namespace walkback::undo {

enum class OnConflict {
  kFail,       // any conflict, and nothing is done
  kSkip,       // rows with a conflict are left as they are
  kOverwrite,  // what the row's own key finds is set back, whatever became of it
};
std::string_view on_conflict_name(OnConflict mode);  // "fail", …
std::optional<OnConflict> parse_on_conflict(std::string_view name);

// One table of the running cluster that rows are given back to.
struct UndoTable {
  size_t number = 0;  // N of undo_N, from 1
  TableShape shape;   // as it is today
  // Those it has and had, of one type, whose values do not follow from others'.
  std::vector<Column> columns;
  // By which its rows are told; nothing where only the whole row tells them.
  std::optional<UniqueKey> key;
  // That rows had not to meet then; SET NOT NULL is one, by the name of its column.
  std::vector<Check> new_checks;
};
// `then` as the transaction found it.
UndoTable make_undo_table(size_t number, const TableShape& then, TableShape today);
// The expression that tells whether a row is still what it was: of its values as text, so that
// types without equality have one, and 1.0 is not 1.00. `row` is a FROM item's alias.
std::string digest_of(const UndoTable& table, std::string_view row);
// A row's values as one text: "ROW(t.a, t.b)::text".
std::string row_text(const std::vector<Column>& columns, std::string_view row);
// A name that holds a line end would end the comment, and the rest would be run.
std::string in_comment(std::string_view name);
// "a.x, a.y"
std::string listed(const std::vector<std::string>& columns, std::string_view row);

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
  void locate(const UndoTable& table, Statements& to) const;
  void follow(const UndoTable& table, Statements& to) const;
  void lock(const UndoTable& table, Statements& to) const;
  void compare(const UndoTable& table, OnConflict mode, Statements& to) const;
  void check(const UndoTable& table, Statements& to) const;
  std::string key_taken(const UndoTable& table, const UniqueKey& key) const;
  std::optional<std::string> reference_missing(const UndoTable& table, const ForeignKey& key) const;
  std::optional<std::string> still_referenced(const UndoTable& table, const ForeignKey& key) const;
  std::optional<std::string> conflict_loop() const;
  std::vector<const UndoTable*> touched_within(pg::Oid table) const;

  std::vector<UndoTable> tables_;
  std::string encoding_;
};

// "INSERT INTO undo_1_was VALUES (…), (…)": rows as they come, in statements of a size that every
// client takes. `columns` are of the values after the row's number.
class RowWriter {
 public:
  RowWriter(std::string table, std::vector<Column> columns)
      : table_(std::move(table)), columns_(std::move(columns)) {}
  // A whole statement, when there is one.
  std::optional<std::string> add(uint64_t number, const std::vector<pgconn::Value>& values);
  std::optional<std::string> rest();

 private:
  const std::string table_;
  const std::vector<Column> columns_;
  std::string statement_;
  size_t rows_ = 0;
};

// As SQL writes it: NULL, 42, '{1,2}'.
std::string literal_of(const Column& column, const pgconn::Value& value);

}  // namespace walkback::undo
