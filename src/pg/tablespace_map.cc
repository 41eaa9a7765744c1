#include "pg/tablespace_map.h"

#include <fmt/format.h>

#include <charconv>

namespace walkback::pg {
namespace {

// "16384 /srv/space", unescaped.
Result<TablespaceMapEntry> read_entry(std::string_view line) {
  TablespaceMapEntry entry;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), entry.oid);
  const auto digits = static_cast<size_t>(end - line.data());
  if (error != std::errc() || entry.oid == 0 || digits + 1 >= line.size() || line[digits] != ' ') {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("tablespace_map: \"{}\" is not a number and a path", line));
  }
  entry.path = line.substr(digits + 1);
  return entry;
}

}  // namespace

Result<std::vector<TablespaceMapEntry>> parse_tablespace_map(std::string_view text) {
  std::vector<TablespaceMapEntry> entries;
  std::string line;
  bool escaped = false;
  for (const char c : text) {
    if (!escaped && (c == '\n' || c == '\r')) {
      if (!line.empty()) entries.push_back(TRY(read_entry(line)));
      line.clear();
    } else if (!escaped && c == '\\') {
      escaped = true;
    } else {
      line += c;
      escaped = false;
    }
  }
  if (!line.empty() || escaped) {
    return make_error(ErrorKind::kInvalid, "tablespace_map: the last line is cut off");
  }
  return entries;
}

std::string format_tablespace_map(const std::vector<TablespaceMapEntry>& entries) {
  std::string text;
  for (const TablespaceMapEntry& entry : entries) {
    text += fmt::format("{} ", entry.oid);
    for (const char c : entry.path) {
      if (c == '\n' || c == '\r' || c == '\\') text += '\\';
      text += c;
    }
    text += '\n';
  }
  return text;
}

}  // namespace walkback::pg
