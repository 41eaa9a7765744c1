#include "cli/undo_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/shell.h"
#include "cli/fetched_text.h"
#include "cli/human.h"
#include "cli/kept_server_text.h"
#include "cli/or_null.h"

namespace walkback::cli {

namespace {

using undo::Conflict;
using undo::LiveOutcome;
using undo::TableOutcome;
using undo::UndoReport;

constexpr size_t kMostShown = 10;  // conflicts of one table

std::string tables_text(const LiveOutcome& outcome) {
  Table table({{"TABLE"},
               {"INSERT BACK", true},
               {"SET BACK", true},
               {"REMOVE", true},
               {"CONFLICTS", true}});
  for (const TableOutcome& each : outcome.tables) {
    table.row({printable(each.table), human_count(each.inserted), human_count(each.set_back),
               human_count(each.removed), human_count(each.conflicts)});
  }
  return table.text();
}

std::string_view doing(const std::string& does) {
  if (does == "create") return "to come back";
  if (does == "insert") return "to insert back";
  return does == "update" ? "to set back" : "to remove";
}

std::string conflicts_text(const LiveOutcome& outcome) {
  std::string text;
  for (const TableOutcome& table : outcome.tables) {
    if (table.conflicts == 0) continue;
    text += fmt::format("\nConflicts in {}:\n", printable(table.table));
    size_t shown = 0;
    for (const Conflict& conflict : table.listed) {
      if (shown == kMostShown) break;
      text += fmt::format("  {} ({}): {}\n", printable(conflict.row), doing(conflict.does),
                          printable(conflict.why));
      ++shown;
    }
    if (table.conflicts > shown) {
      text += fmt::format("  and {} more; --json lists up to 1,000\n",
                          human_count(table.conflicts - shown));
    }
  }
  return text;
}

std::string fires_text(const LiveOutcome& outcome, std::string_view verb) {
  std::string text;
  for (const TableOutcome& table : outcome.tables) {
    for (const std::string& fires : table.fires) {
      text += fmt::format("{} all the same, on {}: {}\n", verb, printable(table.table),
                          printable(fires));
    }
  }
  return text;
}

Json json_of(const LiveOutcome& outcome) {
  Json tables = Json::array();
  for (const TableOutcome& table : outcome.tables) {
    Json listed = Json::array();
    for (const Conflict& conflict : table.listed) {
      listed.push_back({{"does", conflict.does}, {"why", conflict.why}, {"row", conflict.row}});
    }
    tables.push_back({{"table", table.table},
                      {"inserted", table.inserted},
                      {"set_back", table.set_back},
                      {"removed", table.removed},
                      {"created", table.created},
                      {"fires", table.fires},
                      {"conflict_count", table.conflicts},
                      {"conflicts", std::move(listed)}});
  }
  return tables;
}

// Beside the rows that have conflicts.
bool does_anything(const LiveOutcome& outcome) {
  return std::ranges::any_of(outcome.tables, [](const TableOutcome& table) {
    return table.created || table.inserted + table.set_back + table.removed > 0;
  });
}

// How to go on.
std::string next_text(const UndoReport& report) {
  const bool has_conflicts = report.preview.conflicts() > 0;
  if (has_conflicts && !does_anything(report.preview)) {
    return "Nothing was changed, and there is nothing that no conflict stands against: see "
           "--on-conflict\n";
  }
  return fmt::format("Nothing was changed. `walkback undo --xid {}{} --apply` gives {} back.\n",
                     report.xid, has_conflicts ? " --on-conflict skip" : "",
                     has_conflicts ? "the other rows" : "the rows");
}

std::string applied_text(const LiveOutcome& applied) {
  uint64_t inserted = 0, set_back = 0, removed = 0;
  for (const TableOutcome& table : applied.tables) {
    inserted += table.inserted;
    set_back += table.set_back;
    removed += table.removed;
  }
  std::string text =
      fmt::format("Done: {} inserted back, {} set back, {} removed\n", counted(inserted, "row"),
                  human_count(set_back), human_count(removed));
  if (applied.conflicts() > 0) {
    text += fmt::format("{} left as they are\n", counted(applied.conflicts(), "row"));
  }
  text += fires_text(applied, "Fired");
  const bool any_created = std::ranges::any_of(applied.tables, &TableOutcome::created);
  if (any_created) return text + "DROP TABLE takes back what came back whole.\n";
  if (!applied.xid) return text;
  return text + fmt::format(
                    "This was transaction {0}. `walkback undo --xid {0}` undoes it, once "
                    "it is archived.\n",
                    *applied.xid);
}

}  // namespace

std::string undo_preview_text(const UndoReport& report) {
  std::string text =
      fmt::format("Undo of transaction {} in database {}", report.xid, printable(report.database));
  if (report.committed_at) text += ", committed " + local_time(*report.committed_at);
  text += "\n" + tables_text(report.preview) + conflicts_text(report.preview);
  for (const TableOutcome& table : report.preview.tables) {
    if (table.created) {
      text += fmt::format("Comes back whole: {}\n", printable(table.table));
    }
  }
  text += fires_text(report.preview, "Fires");
  for (const std::string& with : report.with_tables) {
    text += fmt::format("Comes back with it: {}\n", printable(with));
  }
  for (const undo::LeftOut& left : report.left_out) {
    text += fmt::format("Not undone: {}: {}\n", printable(left.table), printable(left.why));
  }
  for (const std::string& note : report.notes) text += "Note: " + printable(note) + "\n";
  if (!report.not_compared.empty()) {
    text += "Not compared with the running cluster: " + printable(report.not_compared) + "\n";
  }
  return text + fetched_text(report.fetched);
}

std::string undo_text(const UndoReport& report, const std::optional<undo::RowOutput>& output,
                      const Suggestion& suggestion) {
  std::string text;
  if (output) {
    const bool is_sql = output->format == undo::RowFormat::kSql;
    text += fmt::format("The {} in {}\n", is_sql ? "SQL is" : "rows are", shell_word(output->path));
  }
  if (report.applied) {
    text += applied_text(*report.applied);
  } else if (!output) {
    text += next_text(report);
  }
  return text + kept_server_text(report.kept, suggestion);
}

std::string undo_json(const UndoReport& report, const std::optional<undo::RowOutput>& output) {
  Json left_out = Json::array();
  for (const undo::LeftOut& left : report.left_out) {
    left_out.push_back({{"table", left.table}, {"why", left.why}});
  }
  const bool applied = report.applied.has_value();
  const bool is_sql = output && output->format == undo::RowFormat::kSql;
  Json json{{"undo",
             {{"xid", report.xid},
              {"began_at", time_or_null(report.began_at)},
              {"committed_at", time_or_null(report.committed_at)},
              {"lsn", report.lsn.text()},
              {"database", report.database},
              {"tables", json_of(report.preview)},
              {"left_out", std::move(left_out)},
              {"with_tables", report.with_tables},
              {"notes", report.notes},
              {"compared", report.not_compared.empty()},
              {"script", is_sql ? Json(output->path) : Json(nullptr)},
              {"rows", output && !is_sql ? Json(output->path) : Json(nullptr)},
              {"fetched", fetched_json(report.fetched)},
              {"applied", applied ? json_of(*report.applied) : Json(nullptr)},
              {"applied_xid",
               applied && report.applied->xid ? Json(*report.applied->xid) : Json(nullptr)},
              {"kept", text_or_null(report.kept.root)}}}};
  return to_text(json);
}

}  // namespace walkback::cli
