#include "undo/row_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "undo/undo_table.h"

namespace walkback::undo {

namespace {

constexpr RowFormat kFormats[] = {RowFormat::kSql, RowFormat::kCsv, RowFormat::kCopy,
                                  RowFormat::kJson};

// Within a string of JSON a line end is always escaped; where a column of type json has one between
// its tokens, a blank means the same.
std::string on_one_line(std::string_view json) {
  std::string line(json);
  std::ranges::replace_if(
      line, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line.empty() ? "null" : line;
}

std::string json_string(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string encoded(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte >= 0x80 || std::isalnum(byte) != 0 || c == '_' || c == '-';
    text += is_plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  return text;
}

}  // namespace

std::string_view row_format_name(RowFormat format) {
  switch (format) {
    case RowFormat::kSql:
      return "sql";
    case RowFormat::kCsv:
      return "csv";
    case RowFormat::kCopy:
      return "copy";
    case RowFormat::kJson:
      return "json";
  }
  return "sql";
}

std::optional<RowFormat> parse_row_format(std::string_view name) {
  const auto* found = std::ranges::find(kFormats, name, row_format_name);
  return found == std::end(kFormats) ? std::nullopt : std::optional(*found);
}

std::string copy_form(RowFormat format, bool header) {
  if (format == RowFormat::kCopy) return "FORMAT text";
  return header ? "FORMAT csv, HEADER" : "FORMAT csv";
}

std::string copied_columns(const TableShape& table) {
  std::vector<std::string> names;
  for (const Column& column : table.columns) {
    if (!column.generated) names.push_back(column.name);
  }
  return listed(names, "t");
}

std::string file_name_of(const TableShape& table, std::string_view what, RowFormat format) {
  return fmt::format("{}.{}.{}.{}", encoded(table.schema), encoded(table.table), what,
                     row_format_name(format));
}

std::string change_line(const TableShape& table, std::string_view change, std::string_view before,
                        std::string_view after) {
  return fmt::format("{{\"table\": {}, \"change\": {}, \"before\": {}, \"after\": {}}}\n",
                     json_string(table.name.quoted), json_string(change), on_one_line(before),
                     on_one_line(after));
}

std::string row_line(const TableShape& table, std::string_view row) {
  return fmt::format("{{\"table\": {}, \"row\": {}}}\n", json_string(table.name.quoted),
                     on_one_line(row));
}

}  // namespace walkback::undo
