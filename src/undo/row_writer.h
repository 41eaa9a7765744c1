// Rows as statements. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pgconn/connection.h"
#include "undo/table_shape.h"

namespace walkback::undo {

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

}  // namespace walkback::undo
