#include "undo/row_writer.h"

#include <fmt/format.h>

#include "pg/sql_text.h"

namespace walkback::undo {

namespace {

constexpr size_t kMostRows = 500;
constexpr size_t kMostBytes = 256u << 10;

// As SQL writes it: NULL, 42, '{1,2}'.
std::string literal_of(const Column& column, const pgconn::Value& value) {
  if (!value) return "NULL";
  const bool plain =
      column.is_number && !value->empty() &&
      value->find_first_not_of("0123456789.", (*value)[0] == '-' ? 1 : 0) == std::string::npos;
  return plain ? *value : pg::quote_literal(*value);
}

}  // namespace

std::optional<std::string> RowWriter::add(uint64_t number,
                                          const std::vector<pgconn::Value>& values) {
  if (rows_ == 0) {
    statement_ = fmt::format("INSERT INTO {} VALUES\n", table_);
  } else {
    statement_ += ",\n";
  }
  statement_ += fmt::format("  ({}", number);
  for (size_t i = 0; i < values.size(); ++i) {
    statement_ += ", ";
    statement_ += literal_of(columns_[i], values[i]);
  }
  statement_ += ")";
  ++rows_;
  if (rows_ < kMostRows && statement_.size() < kMostBytes) return std::nullopt;
  return rest();
}

std::optional<std::string> RowWriter::rest() {
  if (rows_ == 0) return std::nullopt;
  rows_ = 0;
  return std::move(statement_);
}

}  // namespace walkback::undo
