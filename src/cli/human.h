// Numbers, times and tables as people read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace walkback::cli {

std::string human_bytes(uint64_t bytes);  // "512 B", "3.9 GiB"
std::string human_count(uint64_t count);  // "1,203,550"
std::string human_duration(
    double seconds);  // "0.8 s", "14 s", "2 min 5 s", "3 h 12 min", "4 d 2 h"
// "1 segment", "2 segments"
std::string counted(uint64_t count, std::string_view singular);

// The host's local time with its zone: "2026-11-22 15:46:59 CET"; the fraction when there is one.
std::string local_time(Timestamp time);
// The same in whole seconds, for tables.
std::string local_second(Timestamp time);

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
