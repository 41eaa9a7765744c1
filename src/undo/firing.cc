#include "undo/firing.h"

#include <fmt/format.h>

namespace walkback::undo {

std::vector<std::string> fired_by(const TableShape& table, Commands commands) {
  std::vector<std::string> fired;
  for (const Firing& one : table.fires) {
    std::string on;
    const auto add = [&](bool fires, std::string_view command) {
      if (fires) on += fmt::format("{}{}", on.empty() ? "" : " and ", command);
    };
    add(one.on_insert && commands.inserts, "INSERT");
    add(one.on_update && commands.updates, "UPDATE");
    add(one.on_delete && commands.deletes, "DELETE");
    if (on.empty()) continue;
    fired.push_back(fmt::format("{} (ENABLE {}) on {}{}", one.what,
                                one.always ? "ALWAYS" : "REPLICA", on,
                                one.conditional ? ", where its condition holds" : ""));
  }
  return fired;
}

std::vector<std::string> all_that_fires(const TableShape& table) {
  std::vector<std::string> lines = fired_by(table, {true, true, true});
  for (std::string& line : lines) line = fmt::format("{}: {}", table.name.quoted, line);
  return lines;
}

}  // namespace walkback::undo
