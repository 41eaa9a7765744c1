#include "undo/row_comparison.h"

#include <fmt/format.h>

#include "pg/sql_text.h"
#include "pgconn/values.h"
#include "undo/row_images.h"

namespace walkback::undo {

namespace {

constexpr size_t kRowsOfBatch = 4096;
constexpr size_t kMostOfRow = 200;  // characters, of one without a key

std::string label_of(const UndoTable& table) {
  if (!table.key) {
    return fmt::format("left({}, {})", row_text(table.columns, "t"), kMostOfRow);
  }
  std::string label;
  for (const ComparedColumn& column : table.key->columns) {
    label +=
        fmt::format("{}{} || coalesce(t.{}::text, 'NULL')", label.empty() ? "" : " || ', ' || ",
                    pg::quote_literal(column.column + "="), column.column);
  }
  return label;
}

std::string key_of(const UndoTable& table) {
  std::vector<Column> columns;
  for (const ComparedColumn& column : table.key->columns) {
    columns.push_back(*table.shape.column(column.column));
  }
  return row_text(columns, "t");
}

class Comparing {
 public:
  Comparing(size_t most_listed, const OnDifferent& on_different)
      : most_listed_(most_listed), on_different_(on_different) {}

  Result<void> see(const std::optional<ToldRow>& then, const std::optional<ToldRow>& now) {
    const bool wanted = (then && then->wanted) || (now && now->wanted);
    if (!wanted) return success();
    if (then && then->wanted) ++found_.then;
    if (!then) return differs(*now, Difference::kOnlyNow, found_.only_now);
    if (!now) return differs(*then, Difference::kOnlyThen, found_.only_then);
    if (then->digest != now->digest) return differs(*then, Difference::kChanged, found_.changed);
    ++found_.same;
    return success();
  }

  RowComparison found() && { return std::move(found_); }

 private:
  Result<void> differs(const ToldRow& row, Difference difference, uint64_t& count) {
    if (count++ < most_listed_) found_.listed.push_back({difference, row.label});
    return difference == Difference::kOnlyNow ? success() : on_different_(row, difference);
  }

  const size_t most_listed_;
  const OnDifferent& on_different_;
  RowComparison found_;
};

}  // namespace

std::string_view difference_name(Difference difference) {
  switch (difference) {
    case Difference::kOnlyThen:
      return "only_then";
    case Difference::kOnlyNow:
      return "only_now";
    case Difference::kChanged:
      return "changed";
  }
  return "changed";
}

Result<RowComparison> compare_rows(const ToldRows& then, const ToldRows& now, size_t most_listed,
                                   const OnDifferent& on_different) {
  Comparing comparing(most_listed, on_different);
  std::optional<ToldRow> was = TRY(then()), is = TRY(now());
  while (was || is) {
    const bool has_was = was && (!is || was->key <= is->key);
    const bool has_is = is && (!was || is->key <= was->key);
    TRY(comparing.see(has_was ? was : std::nullopt, has_is ? is : std::nullopt));
    if (has_was) was = TRY(then());
    if (has_is) is = TRY(now());
  }
  return std::move(comparing).found();
}

std::string where_clause(const std::string& condition) {
  // On lines of its own: a comment at its end would take the parenthesis.
  return condition.empty() ? std::string() : fmt::format(" WHERE (\n{}\n)", condition);
}

// The order is that of the bytes that a client gets, whatever the database's collation and
// encoding.
std::string told_rows_query(const UndoTable& table, const std::string& source,
                            const std::string& condition) {
  const std::string digest = digest_of(table, "t");
  const bool has_flag = table.key && !condition.empty();
  return fmt::format(
      "SELECT key, digest, label, wanted, tableoid, ctid FROM (\n"
      "  SELECT {} AS key, {} AS digest, {} AS label,\n"
      "         {} AS wanted, t.tableoid, t.ctid FROM {}{}) AS rows\n"
      " ORDER BY convert_to(key, 'UTF8')",
      table.key ? key_of(table) : digest, table.key ? digest : "''", label_of(table),
      has_flag ? fmt::format("(\n{}\n) IS TRUE", condition) : "true", source,
      table.key ? "" : where_clause(condition));
}

Result<std::unique_ptr<ToldRowsReader>> ToldRowsReader::open(pgconn::Connection& server,
                                                             const std::string& query,
                                                             std::stop_token stop) {
  std::unique_ptr<ToldRowsReader> reader(new ToldRowsReader(server, std::move(stop)));
  TRY(server.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  TRY(server.query("DECLARE rescue_rows NO SCROLL CURSOR FOR " + query));
  return reader;
}

ToldRowsReader::~ToldRowsReader() { (void)server_.query("ROLLBACK"); }

Result<std::optional<ToldRow>> ToldRowsReader::next() {
  if (next_ == batch_.rows.size()) {
    if (stop_.stop_requested()) return make_error(ErrorKind::kCancelled, "interrupted");
    batch_ = TRY(server_.query(fmt::format("FETCH {} FROM rescue_rows", kRowsOfBatch)));
    next_ = 0;
    if (batch_.rows.empty()) return std::optional<ToldRow>();
  }
  pgconn::Row& row = batch_.rows[next_++];
  ToldRow told;
  told.key = std::move(row[0]).value_or("");
  told.digest = std::move(row[1]).value_or("");
  told.label = std::move(row[2]).value_or("");
  told.wanted = pgconn::truth(row[3]);
  told.table = pgconn::number<pg::Oid>(row[4]);
  told.at = TRY(parse_tid(row[5]));
  return std::optional(std::move(told));
}

}  // namespace walkback::undo
