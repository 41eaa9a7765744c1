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
    std::vector<std::string> why = decision.reasons;
    if (!decision.keep()) why.emplace_back("no rule keeps it");
    why.insert(why.end(), decision.remarks.begin(), decision.remarks.end());
    table.row({decision.backup.id.text, local_second(decision.backup.stopped_at),
               decision.keep() ? "kept" : gone,
               printable(fmt::format("{}", fmt::join(why, "; ")))});
  }
  return table.empty() ? "  no backup\n" : table.text();
}

std::string removed_text(const retention::LineageReport& lineage, bool dry_run) {
  const char* const done = dry_run ? "Would remove" : "Removed";
  std::string text =
      fmt::format("{} {} of backups ({}) and {} ({})\n", done,
                  counted(lineage.packs_removed - lineage.garbage_removed, "pack"),
                  human_bytes(lineage.pack_bytes - lineage.garbage_bytes),
                  counted(lineage.segments_removed, "WAL segment"), human_bytes(lineage.wal_bytes));
  if (lineage.garbage_removed > 0) {
    text +=
        fmt::format("{} {} ({}) that attempts at a backup had left which did not end\n", done,
                    counted(lineage.garbage_removed, "pack"), human_bytes(lineage.garbage_bytes));
  }
  if (lineage.garbage_left > 0) {
    text += fmt::format(
        "{} of no backup {}: one is running, and may need {}; what an attempt left that did not "
        "end goes once none runs\n",
        counted(lineage.garbage_left, "pack"), lineage.garbage_left == 1 ? "stays" : "stay",
        lineage.garbage_left == 1 ? "it" : "them");
  }
  return text;
}

std::string reach_text(const retention::LineageReport& lineage, bool dry_run) {
  if (!lineage.earliest) return "Nothing can be recovered: there is no whole backup\n";
  const auto end_of = [](const retention::LineageReport::Reach& reach) {
    return fmt::format("{}, the end of backup {}", local_second(reach.from), reach.backup.text);
  };
  std::string text = fmt::format("The earliest moment that can be recovered {} {}\n",
                                 dry_run ? "would be" : "is", end_of(*lineage.earliest));
  const auto& with_wal = lineage.earliest_with_wal;
  if (with_wal && with_wal->backup == lineage.earliest->backup) return text;
  if (!with_wal) return text + "  of those after it `walkback list` shows which can\n";
  return text + fmt::format("  any can since {}; of those between `walkback list` shows which\n",
                            end_of(*with_wal));
}

Json json_of(const std::optional<retention::LineageReport::Reach>& reach) {
  if (!reach) return Json();
  return {{"backup", reach->backup.text}, {"from", to_iso_utc(reach->from)}};
}

Json json_of(const retention::Decision& decision) {
  return {{"id", decision.backup.id.text}, {"stopped_at", to_iso_utc(decision.backup.stopped_at)},
          {"keep", decision.keep()},       {"reasons", decision.reasons},
          {"remarks", decision.remarks},   {"with_wal", decision.with_wal}};
}

}  // namespace

std::string prune_text(const retention::PruneReport& report, bool keeps_everything) {
  std::string text;
  for (const retention::LineageReport& lineage : report.lineages) {
    text += fmt::format("Backups of system identifier {}\n{}", lineage.system_identifier.value,
                        backups_table(lineage.plan, report.dry_run));
    text += removed_text(lineage, report.dry_run) + reach_text(lineage, report.dry_run);
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
                        {"garbage_removed", lineage.garbage_removed},
                        {"garbage_left", lineage.garbage_left},
                        {"earliest", json_of(lineage.earliest)},
                        {"earliest_with_wal", json_of(lineage.earliest_with_wal)}});
  }
  return to_text({{"dry_run", report.dry_run}, {"lineages", lineages}});
}

}  // namespace walkback::cli
