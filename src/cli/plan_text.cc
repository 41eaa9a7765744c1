#include <fmt/format.h>

#include "cli/human.h"
#include "cli/target_record.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

using restore::PlanRecord;
using restore::RecoveryPlan;
using restore::TargetKind;

// A plan lists a few of many records: enough to see what they are.
constexpr size_t kShownRecords = 5;
constexpr size_t kShownNames = 10;

std::string describe(const PlanRecord& record) {
  std::string text = record.what;
  if (record.xid) text += fmt::format(" of transaction {}", *record.xid);
  if (record.time) text += fmt::format(" at {}", local_time(*record.time));
  return text + fmt::format(", LSN {}", record.lsn.text());
}

std::string describe_target(const RecoveryPlan& plan) {
  TargetRecord record = target_record(plan);
  std::string text;
  if (record.time) {
    bool named = plan.target.kind == TargetKind::kTime;
    text = named ? restore::show_time(*record.time) + "\n"
                 : fmt::format("transaction {}, ended at {}\n", record.xid.value_or(0),
                               restore::show_time(*record.time));
  }
  if (plan.before_removal) {
    text += fmt::format("before that it removed the files of {}\n",
                        printable(plan.before_removal->what));
  }
  return text + fmt::format("LSN {} on timeline {}, stopping {} that record",
                            plan.target_lsn.text(), plan.timeline.value,
                            plan.inclusive ? "after" : "before");
}

std::string describe_backup(const RecoveryPlan& plan) {
  const catalog::BackupSummary& backup = plan.backup;
  std::string text = backup.id.text;
  if (!backup.label.empty()) text += fmt::format(" \"{}\"", backup.label);
  bool any = plan.target.kind == TargetKind::kImmediate;
  text += fmt::format("\n{}, ended {}: the last {}one{}", catalog::backup_type_name(backup.type),
                      local_second(backup.stopped_at), plan.unreadable.empty() ? "" : "whole ",
                      any ? "" : " that ended before the target");
  if (backup.bad_pages > 0) {
    text += fmt::format("\n{} of it failed their checksum", counted(backup.bad_pages, "page"));
  }
  if (backup.unexplained_pages > 0) {
    text += fmt::format("\n{} of it had changed without a word of it in the WAL",
                        counted(backup.unexplained_pages, "page"));
  }
  return text;
}

std::string describe_kept(const RecoveryPlan& plan) {
  if (!plan.last_replayed) return "the backup as it is; no commit is replayed";
  const std::string commits =
      plan.commits_replayed == 0
          ? "the backup, and no commit after it"
          : counted(plan.commits_replayed, "commit") + " since the backup began";
  return fmt::format("{}\nup to the {}", commits, describe(*plan.last_replayed));
}

std::string describe_given_up(const RecoveryPlan& plan,
                              const std::optional<Destination>& destination) {
  const bool onto = destination && destination->target.delta;
  const restore::KeptCommits only_there =
      onto ? destination->target.delta->kept_commits : restore::KeptCommits();
  std::string text;
  if (plan.commits_given_up > 0) {
    text = fmt::format("{}\nfrom the {}", counted(plan.commits_given_up, "commit"),
                       describe(*plan.first_left_out));
  } else if (!plan.other_timelines.empty()) {
    text = fmt::format("nothing of timeline {}: the archive holds no later commit of it",
                       plan.along.value);
  } else {
    text = only_there.count > 0 ? "of the archive nothing: it holds no later commit"
                                : "nothing: the archive holds no later commit";
  }
  if (only_there.count == 0) return text;
  return fmt::format(
      "{}\nand {} that {} in WAL of this directory alone, {} {}\n"
      "that WAL is set aside: archive it if you want them",
      text, counted(only_there.count, "commit"), only_there.count == 1 ? "is" : "are",
      only_there.count == 1 ? "at" : "from",
      only_there.first ? local_time(*only_there.first) : "a time not known");
}

std::string describe_earlier(const std::vector<PlanRecord>& records) {
  std::string text = "these come later in the WAL but carry an earlier time";
  for (size_t i = 0; i < records.size() && i < kShownRecords; ++i) {
    text += "\n" + describe(records[i]);
  }
  if (records.size() > kShownRecords) {
    text += fmt::format("\nand {} more", human_count(records.size() - kShownRecords));
  }
  return text;
}

std::string describe_tablespaces(const RecoveryPlan& plan,
                                 const std::optional<Destination>& destination) {
  std::string text;
  for (size_t i = 0; i < plan.tablespaces.size(); ++i) {
    if (i > 0) text += "\n";
    text += fmt::format("{}  {}", plan.tablespaces[i].oid, plan.tablespaces[i].location);
    if (destination && i < destination->target.layout.tablespaces.size()) {
      text += " -> " + destination->target.layout.tablespaces[i].location;
    }
  }
  return text;
}

std::string describe_replayed_tablespaces(const RecoveryPlan& plan) {
  std::string text;
  for (const auto& tablespace : plan.replayed_tablespaces) {
    text += fmt::format("{}  {}  at LSN {}\n", tablespace.oid, tablespace.location,
                        tablespace.lsn.text());
  }
  return text + "replaying it acts on these paths of the host it runs on";
}

std::string describe_disk(const RecoveryPlan& plan, const std::optional<Destination>& destination) {
  std::string text = fmt::format("{} to write", human_bytes(plan.restore_bytes));
  if (destination && destination->disk) {
    text += fmt::format(", {} free", human_bytes(destination->disk->free_bytes));
  }
  return text;
}

std::string joined(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

// The first of many; --json has all.
std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < kShownNames; ++i) text += "\n" + printable(names[i]);
  if (names.size() > kShownNames) {
    text +=
        fmt::format("\nand {} more: --json names them", human_count(names.size() - kShownNames));
  }
  return text;
}

void add_delta(Fields& fields, const restore::DeltaSurvey& delta) {
  fields.add(
      "there",
      fmt::format(
          "{} in {} of the backup: pages that are right are not fetched{}",
          human_bytes(delta.bytes_there), counted(delta.files_there, "file"),
          delta.reused.pg_control.empty() ? "\nleft by a recovery that was not finished" : ""));
  if (!delta.goes.empty()) {
    fields.add("removed", fmt::format("{} that PostgreSQL made and the backup has not{}",
                                      counted(delta.goes.size(), "name"), some_of(delta.goes)));
  }
  std::string aside = "in " + delta.kept_directory;
  if (!delta.kept_before.empty()) {
    aside += fmt::format("\nalready, by the recovery before: {} of pg_wal",
                         counted(delta.kept_before.size(), "file"));
  }
  if (!delta.kept_wal.empty()) {
    aside += fmt::format("\nfrom pg_wal, not in the archive: {}{}",
                         counted(delta.kept_wal.size(), "file"), some_of(delta.kept_wal));
  }
  if (!delta.kept_configuration.empty()) {
    aside += "\ncopies of pg_control and the configuration";
  }
  fields.add("set aside", aside);
  if (!delta.left_alone.empty()) {
    fields.add("left alone",
               fmt::format("{}, not PostgreSQL's{}", counted(delta.left_alone.size(), "name"),
                           some_of(delta.left_alone)));
  }
}

}  // namespace

std::string target_phrase(const RecoveryPlan& plan) {
  TargetRecord record = target_record(plan);
  switch (plan.target.kind) {
    case TargetKind::kTime:
      return "to " + local_time(plan.target.time);
    case TargetKind::kXid:
      return fmt::format("to transaction {}, included", record.xid.value_or(plan.target.xid));
    case TargetKind::kBeforeXid:
      if (plan.before_removal) {
        return fmt::format("to just before transaction {} removed the files of {}",
                           plan.before_removal->xid, printable(plan.before_removal->what));
      }
      return fmt::format("to just before transaction {}", record.xid.value_or(plan.target.xid));
    case TargetKind::kLsn:
      return "to LSN " + plan.target.lsn.text();
    case TargetKind::kName:
      return fmt::format("to restore point \"{}\"", printable(plan.target.name));
    case TargetKind::kLatest:
      return "to the end of the archive";
    case TargetKind::kImmediate:
      return "to the end of the backup";
  }
  return {};
}

std::string plan_text(const RecoveryPlan& plan, const std::optional<Destination>& destination) {
  Fields fields;
  fields.add("target", describe_target(plan));
  fields.add("backup", describe_backup(plan));
  fields.add("kept", describe_kept(plan));
  fields.add("given up", describe_given_up(plan, destination));
  if (!plan.earlier_times_left_out.empty()) {
    fields.add("clock", describe_earlier(plan.earlier_times_left_out));
  }
  fields.add("replay", fmt::format("{} of WAL from {}, to LSN {}", human_bytes(plan.wal_bytes),
                                   counted(plan.segments, "segment"), plan.end_lsn.text()));
  fields.add("fetch", fmt::format("at most {} from the repository", human_bytes(plan.fetch_bytes)));
  if (destination) fields.add("into", destination->target.layout.data_directory);
  fields.add("disk", describe_disk(plan, destination));
  if (destination && destination->target.delta) add_delta(fields, *destination->target.delta);
  if (!plan.tablespaces.empty()) {
    fields.add("tablespaces", describe_tablespaces(plan, destination));
  }
  if (!plan.replayed_tablespaces.empty()) {
    fields.add("CREATE TABLESPACE", describe_replayed_tablespaces(plan));
  }
  if (!plan.notes.empty()) fields.add("notes", joined(plan.notes));
  return fmt::format("Plan: recover {}\n\n{}", target_phrase(plan), fields.text());
}

}  // namespace walkback::cli
