#include "cli/prune_text.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/time_text.h"
#include "cli/human.h"

namespace walkback::cli {

namespace {

std::string backups_table(const retention::Plan& plan, bool dry_run) {
  Table table({{"ID"}, {"ENDED"}, {"WHAT"}, {"WHY"}});
  for (const retention::Decision& decision : plan.decisions) {
    const char* const gone = dry_run ? "would go" : "removed";
    table.row({decision.backup.id.text, local_second(decision.backup.stopped_at),
               decision.keep() ? "kept" : gone,
               decision.keep() ? printable(fmt::format("{}", fmt::join(decision.reasons, "; ")))
                               : "no rule keeps it"});
  }
  return table.empty() ? "  no backup\n" : table.text();
}

Json json_of(const retention::Decision& decision) {
  return {{"id", decision.backup.id.text},
          {"stopped_at", to_iso_utc(decision.backup.stopped_at)},
          {"keep", decision.keep()},
          {"reasons", decision.reasons},
          {"with_wal", decision.with_wal}};
}

}  // namespace

std::string prune_text(const retention::PruneReport& report, bool keeps_everything) {
  std::string text;
  const char* const done = report.dry_run ? "Would remove" : "Removed";
  for (const retention::LineageReport& lineage : report.lineages) {
    text += fmt::format("Backups of system identifier {}\n{}", lineage.system_identifier.value,
                        backups_table(lineage.plan, report.dry_run));
    text += fmt::format("{} {} ({}) and {} ({})\n", done, counted(lineage.packs_removed, "pack"),
                        human_bytes(lineage.pack_bytes),
                        counted(lineage.segments_removed, "WAL segment"),
                        human_bytes(lineage.wal_bytes));
    if (lineage.garbage_left > 0) {
      text += fmt::format("{} of backups that did not end stay: a backup is running\n",
                          counted(lineage.garbage_left, "pack"));
    }
  }
  if (keeps_everything) {
    text +=
        "[retention] in the configuration has no rule, so every backup and all WAL stay, for "
        "example\n  window = \"14 days\"\n";
  }
  if (report.dry_run) text += "This was a dry run: nothing was removed.\n";
  return text;
}

std::string prune_json(const retention::PruneReport& report) {
  Json lineages = Json::array();
  for (const retention::LineageReport& lineage : report.lineages) {
    Json backups = Json::array();
    for (const retention::Decision& decision : lineage.plan.decisions) {
      backups.push_back(json_of(decision));
    }
    lineages.push_back({{"system_identifier", std::to_string(lineage.system_identifier.value)},
                        {"backups", backups},
                        {"packs_removed", lineage.packs_removed},
                        {"pack_bytes", lineage.pack_bytes},
                        {"segments_removed", lineage.segments_removed},
                        {"wal_bytes", lineage.wal_bytes},
                        {"garbage_left", lineage.garbage_left}});
  }
  return to_text({{"dry_run", report.dry_run}, {"lineages", lineages}});
}

}  // namespace walkback::cli
