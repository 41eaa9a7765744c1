// Rows as data: in which form, what stands in a COPY for it, and what its files are called. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "undo/table_shape.h"

namespace walkback::undo {

enum class RowFormat {
  kSql,   // one script
  kCsv,   // as COPY … WITH (FORMAT csv, HEADER) writes it
  kCopy,  // as COPY writes it: what \copy and COPY FROM read
  kJson,  // one object a line
};
struct RowOutput {
  RowFormat format = RowFormat::kSql;
  std::string path;  // absolute
};
std::string_view row_format_name(RowFormat format);  // "sql", …
std::optional<RowFormat> parse_row_format(std::string_view name);

// What stands behind WITH in a COPY of `format`, which is kCsv or kCopy; `header`: with a line of
// names, where the format has one.
std::string copy_form(RowFormat format, bool header);
// "t.id, t.amount": what COPY writes of a table, and reads back: generated columns are left out.
std::string copied_columns(const TableShape& table);

// The whole row of the alias t; a column may be called t.
inline constexpr const char* kRowAsJson = "row_to_json(t.*)";

// "public.payments.deleted.csv". No two tables have the same, and none leads out of a directory:
// what is neither letter, digit nor one of _- in a name stands as %2F does in a URL.
std::string file_name_of(const TableShape& table, std::string_view what, RowFormat format);

// One line. `before` and `after` are rows as JSON of PostgreSQL's; empty where there was none.
std::string change_line(const TableShape& table, std::string_view change, std::string_view before,
                        std::string_view after);
// The same of a row that is as it was at one moment.
std::string row_line(const TableShape& table, std::string_view row);

}  // namespace walkback::undo
