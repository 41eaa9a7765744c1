#include "cli/human.h"

#include <algorithm>

namespace walkback::cli {

namespace {

// Columns on the screen: code points, which is right for what our texts hold.
size_t width(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string padded(std::string_view text, size_t to, bool right) {
  std::string space(to > width(text) ? to - width(text) : 0, ' ');
  return right ? space + std::string(text) : std::string(text) + space;
}

void trim_right(std::string& line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
}

}  // namespace

std::string printable(std::string_view text) {
  std::string clean(text);
  for (size_t i = 0; i < clean.size(); ++i) {
    auto byte = static_cast<unsigned char>(clean[i]);
    // C1 controls in UTF-8: C2 80 to C2 9F.
    bool c1 =
        byte == 0xC2 && i + 1 < clean.size() && static_cast<unsigned char>(clean[i + 1]) < 0xA0;
    if (byte < 0x20 || byte == 0x7F || c1) clean[i] = '?';
    if (c1) clean[++i] = '?';
  }
  return clean;
}

void Fields::add(std::string label, std::string_view value) {
  Field field{std::move(label), {}};
  while (true) {
    size_t end = value.find('\n');
    field.lines.push_back(printable(value.substr(0, end)));
    if (end == std::string_view::npos) break;
    value.remove_prefix(end + 1);
  }
  fields_.push_back(std::move(field));
}

std::string Fields::text() const {
  size_t widest = 0;
  for (const Field& field : fields_) widest = std::max(widest, width(field.label));
  std::string text;
  for (const Field& field : fields_) {
    std::string_view label = field.label;
    for (const std::string& value : field.lines) {
      std::string line = "  " + padded(label, widest, false) + "  " + value;
      trim_right(line);
      text += line + "\n";
      label = {};
    }
  }
  return text;
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::row(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text() const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(width(column.title));
  for (const auto& cells : rows_) {
    for (size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], width(cells[i]));
  }
  auto line = [&](auto&& cell) {
    std::string text = " ";
    for (size_t i = 0; i < columns_.size(); ++i) {
      text += " " + padded(cell(i), widths[i], columns_[i].right) + " ";
    }
    trim_right(text);
    return text + "\n";
  };
  std::string text = line([&](size_t i) -> const std::string& { return columns_[i].title; });
  for (const auto& cells : rows_) {
    text += line([&](size_t i) -> const std::string& { return cells[i]; });
  }
  return text;
}

}  // namespace walkback::cli
