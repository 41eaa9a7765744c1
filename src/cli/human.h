// Fields and tables as people read them; numbers and times are base/human.h's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/human.h"

namespace walkback::cli {

// Text from a repository or a server may hold anything; a terminal must not act on it. Control
// characters become '?'.
std::string printable(std::string_view text);

// "  label   value" lines, the values aligned; a value of several lines continues under itself.
class Fields {
 public:
  void add(std::string label, std::string_view value);
  std::string text() const;

 private:
  struct Field {
    std::string label;
    std::vector<std::string> lines;
  };
  std::vector<Field> fields_;
};

// Columns aligned to the widest cell; numbers to the right.
class Table {
 public:
  struct Column {
    std::string title;
    bool right = false;
  };
  explicit Table(std::vector<Column> columns);
  void row(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  std::string text() const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace walkback::cli
