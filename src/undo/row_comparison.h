// A table then and now, row by row: which rows are only in one of them, and which have other
// values. Both are read in the order of what tells a row, side by side, so that neither is held.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "pgconn/connection.h"
#include "undo/row_changes.h"
#include "undo/undo_table.h"

namespace walkback::undo {

// A row, as far as it is compared.
struct ToldRow {
  std::string key;     // what tells it: its key's values, or without a key its content
  std::string digest;  // of its values; nothing without a key
  std::string label;   // for people: "id=7"
  bool wanted = true;  // by the condition
  pg::Oid table = 0;   // the partition that it is in
  Tid at;
  bool operator==(const ToldRow&) const = default;
};

enum class Difference { kOnlyThen, kOnlyNow, kChanged };
std::string_view difference_name(Difference difference);  // "only_then", …

struct DifferentRow {
  Difference difference = Difference::kOnlyThen;
  std::string row;
  bool operator==(const DifferentRow&) const = default;
};

// Of rows that the condition holds for, then or now.
struct RowComparison {
  uint64_t then = 0, same = 0, only_then = 0, only_now = 0, changed = 0;
  std::vector<DifferentRow> listed;  // the first of each kind
  bool operator==(const RowComparison&) const = default;
};

// The next row in the order of the bytes of their keys; nothing behind the last.
using ToldRows = std::function<Result<std::optional<ToldRow>>()>;
// Is told each row that is different, as it was then.
using OnDifferent = std::function<Result<void>(const ToldRow& then, Difference difference)>;

// Rows of one key are paired one by one: without a key, copies count. Pure.
Result<RowComparison> compare_rows(const ToldRows& then, const ToldRows& now, size_t most_listed,
                                   const OnDifferent& on_different);

// The rows FROM a source as SQL writes it, with the alias t: `table` has the columns and the key.
// `condition` is SQL, or empty. One statement, of which a cursor is made.
std::string told_rows_query(const UndoTable& table, const std::string& source,
                            const std::string& condition);
// "WHERE (…)" for a condition that somebody typed; empty for none.
std::string where_clause(const std::string& condition);

// Reads such a query in a transaction that sees one moment and writes nothing; the session outlives
// it. It is ended when it is destroyed.
class ToldRowsReader {
 public:
  static Result<std::unique_ptr<ToldRowsReader>> open(pgconn::Connection& server,
                                                      const std::string& query,
                                                      std::stop_token stop);
  ~ToldRowsReader();
  ToldRowsReader(const ToldRowsReader&) = delete;
  ToldRowsReader& operator=(const ToldRowsReader&) = delete;

  Result<std::optional<ToldRow>> next();

 private:
  ToldRowsReader(pgconn::Connection& server, std::stop_token stop)
      : server_(server), stop_(std::move(stop)) {}

  pgconn::Connection& server_;
  const std::stop_token stop_;
  pgconn::Table batch_;
  size_t next_ = 0;
};

}  // namespace walkback::undo
