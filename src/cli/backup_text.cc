#include <fmt/format.h>

#include <algorithm>

#include "cli/human.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

// One line of an error names a few; the manifest and --json hold all.
constexpr size_t kNamedPages = 3;

std::string ratio(uint64_t raw, uint64_t stored) {
  if (raw == 0 || stored == 0) return "";
  return fmt::format(", {:.1f} : 1", static_cast<double>(raw) / static_cast<double>(stored));
}

std::string when(const catalog::BackupSummary& backup) {
  return fmt::format("{}, {}", local_second(backup.started_at), human_duration(backup.duration_s));
}

// Empty where there is none.
std::string damage(const catalog::BackupSummary& backup) {
  std::vector<std::string> found;
  if (backup.bad_pages > 0) found.push_back(counted(backup.bad_pages, "bad page"));
  if (backup.unexplained_pages > 0) {
    found.push_back(counted(backup.unexplained_pages, "unexplained page"));
  }
  return fmt::format("{}", fmt::join(found, ", "));
}

std::string with_damage(const std::string& text, const catalog::BackupSummary& backup) {
  const std::string damaged = damage(backup);
  if (damaged.empty() || text.empty()) return damaged + text;
  return fmt::format("{} ({})", text, damaged);
}

std::string backups_table(const std::vector<catalog::BackupSummary>& backups) {
  if (backups.empty()) return "  none yet: `walkback backup` takes one\n";
  Table table({{"ID"},
               {"TYPE"},
               {"STARTED"},
               {"TOOK", true},
               {"DATA", true},
               {"STORED", true},
               {"TIMELINE", true},
               {"LABEL"}});
  for (const auto& backup : backups) {
    table.row({backup.id.text, std::string(catalog::backup_type_name(backup.type)),
               local_second(backup.started_at), human_duration(backup.duration_s),
               human_bytes(backup.bytes_raw), human_bytes(backup.bytes_stored),
               std::to_string(backup.timeline.value), with_damage(backup.label, backup)});
  }
  return table.text();
}

std::string windows_table(const std::vector<catalog::RecoveryWindow>& windows) {
  if (windows.empty()) return "  none: it takes a backup and the WAL after it\n";
  Table table({{"FROM"}, {"TO"}, {"LENGTH", true}, {"TIMELINE", true}, {"FROM LSN"}, {"TO LSN"}});
  for (const auto& window : windows) {
    double seconds = static_cast<double>((window.to - window.from).count()) / 1e6;
    // Nothing with a time is archived after the backup yet.
    bool backup_only = window.to <= window.from;
    table.row({local_second(window.from), backup_only ? "-" : local_second(window.to),
               backup_only ? "-" : human_duration(seconds), std::to_string(window.timeline.value),
               window.from_lsn.text(), window.to_lsn.text()});
  }
  const bool unread = std::ranges::any_of(windows, &catalog::RecoveryWindow::wal_unread);
  return table.text() +
         (unread ? "  The WAL goes on to TO LSN, and all of it can be recovered. Up to which time "
                   "that "
                   "is, and\n  what TO and LENGTH would say, takes a private key to read.\n"
                 : "");
}

std::string time_or_dash(const std::optional<Timestamp>& time) {
  return time ? local_second(*time) : "-";
}

std::string gaps_table(const std::vector<catalog::WalGap>& gaps) {
  Table table(
      {{"LAST BEFORE"}, {"FIRST AFTER"}, {"TIMELINE", true}, {"FROM LSN"}, {"TO LSN"}, {""}});
  for (const auto& gap : gaps) {
    table.row({time_or_dash(gap.from), time_or_dash(gap.to), std::to_string(gap.timeline.value),
               gap.from_lsn.text(), gap.to_lsn.text(),
               gap.reason.empty() ? "missing" : printable(gap.reason)});
  }
  return table.text();
}

std::string remark(const catalog::KnownTimeline& timeline) {
  std::vector<std::string> remarks;
  if (timeline.current) remarks.push_back("current");
  if (timeline.history_missing) remarks.push_back("its history file is missing");
  if (!timeline.has_wal) remarks.push_back("no WAL of its own yet: it ends where it began");
  return fmt::format("{}", fmt::join(remarks, "; "));
}

std::string timelines_table(const std::vector<catalog::KnownTimeline>& timelines) {
  Table table({{"TIMELINE", true}, {"LEFT", true}, {"AT LSN"}, {""}});
  for (const auto& timeline : timelines) {
    table.row({std::to_string(timeline.timeline.value),
               timeline.left ? std::to_string(timeline.left->parent.value) : "-",
               timeline.left ? timeline.left->at.text() : "-", remark(timeline)});
  }
  return table.text();
}

std::string result(const catalog::Event& event) {
  if (event.killed) return "killed";
  if (!event.ended_at) return "no end";
  if (!event.succeeded) return "failed";
  return event.backup && !damage(*event.backup).empty() ? "bad pages" : "done";
}

std::string what_was_killed(const catalog::Event& event) {
  const std::string text = event.kind == "backup"
                               ? "ended before it was done; `walkback prune` removes what it left"
                               : "ended before it was done";
  return event.detail.empty() ? text : fmt::format("{}: {}", event.detail, text);
}

// A label is one only where somebody gave one.
std::string what_was_backed_up(const catalog::Event& event) {
  const catalog::BackupSummary& backup = *event.backup;
  const std::string text =
      fmt::format("{}, {} read, {} stored", catalog::backup_type_name(backup.type),
                  human_bytes(backup.bytes_read), human_bytes(backup.bytes_stored));
  return with_damage(event.detail.empty() ? text : fmt::format("{}: {}", event.detail, text),
                     backup);
}

std::string what(const catalog::Event& event) {
  if (event.killed) return what_was_killed(event);
  if (!event.ended_at) return "still running, or killed";
  if (!event.succeeded) return event.error;
  return event.backup ? what_was_backed_up(event) : event.detail;
}

std::string took(const catalog::Event& event) {
  if (!event.ended_at) return "-";
  return human_duration(static_cast<double>((*event.ended_at - event.started_at).count()) / 1e6);
}

}  // namespace

std::string wal_push_text(const archive::WalPushReport& report) {
  if (report.already_there) return fmt::format("{} was archived before\n", report.name);
  return fmt::format("{}: {} stored as {}\n", report.name, human_bytes(report.bytes_raw),
                     human_bytes(report.bytes_stored));
}

std::string wal_get_text(const std::string& name, archive::WalGetOutcome outcome) {
  bool delivered = outcome == archive::WalGetOutcome::kDelivered;
  return fmt::format("{}: {}\n", printable(name), delivered ? "fetched" : "not in the archive");
}

namespace {

std::string what_was_read(const backup::BackupReport& report) {
  if (!report.reason.empty()) {
    return report.parent ? report.reason : "everything: " + report.reason;
  }
  return report.parent ? "what changed since " + report.parent->text : "everything";
}

// What an incremental one read is not what it stores: how much that was compressed is not known.
std::string what_was_stored(const backup::BackupReport& report) {
  const catalog::BackupSummary& backup = report.summary;
  const std::string stored = human_bytes(backup.bytes_stored);
  if (!report.parent) return stored + ratio(backup.bytes_read, backup.bytes_stored);
  return stored + "; the rest is what earlier backups stored";
}

std::string what_was_read_again(const catalog::BackupSummary& backup) {
  return fmt::format(
      "{} that, by the WAL, had not changed: {}", human_bytes(backup.bytes_reread),
      backup.unexplained_pages == 0
          ? "nor had it"
          : fmt::format("{} had all the same", counted(backup.unexplained_pages, "page")));
}

}  // namespace

std::string backup_text(const backup::BackupReport& report) {
  const catalog::BackupSummary& backup = report.summary;
  Fields fields;
  fields.add("started", when(backup));
  if (!backup.label.empty()) fields.add("label", backup.label);
  fields.add("data",
             fmt::format("{} in {}", human_bytes(backup.bytes_raw), counted(backup.files, "file")));
  fields.add("read", fmt::format("{}: {}", human_bytes(backup.bytes_read - backup.bytes_reread),
                                 what_was_read(report)));
  if (backup.bytes_reread > 0) fields.add("read again", what_was_read_again(backup));
  fields.add("stored", what_was_stored(report));
  fields.add("WAL", fmt::format("{} to {} on timeline {}{}", backup.start_lsn.text(),
                                backup.stop_lsn.text(), backup.timeline.value,
                                backup.from_standby ? ", replayed by a standby" : ""));
  return fmt::format("Backup {}, {}\n\n{}", backup.id.text, catalog::backup_type_name(backup.type),
                     fields.text());
}

namespace {

template <typename Page>
std::string some_of(const std::vector<Page>& pages, uint64_t count) {
  std::vector<std::string> named;
  for (const Page& page : pages) {
    if (named.size() == kNamedPages) break;
    named.push_back(fmt::format("{} block {}", page.file, page.block));
  }
  if (count > named.size()) named.push_back(fmt::format("and {} more", count - named.size()));
  return fmt::format("{}", fmt::join(named, ", "));
}

}  // namespace

Error damaged_cluster_error(const backup::BackupReport& report) {
  const uint64_t bad = report.bad_pages.size();
  const uint64_t unexplained = report.unexplained.count;
  std::vector<std::string> what;
  std::string hint =
      "the cluster's own files are damaged: look at its disk, and keep the backups from before";
  if (bad > 0) {
    what.push_back(fmt::format("{} of the cluster {} checksum: {}", counted(bad, "page"),
                               bad == 1 ? "fails its" : "fail their",
                               some_of(report.bad_pages, bad)));
  }
  if (unexplained > 0) {
    what.push_back(fmt::format("{} of the cluster changed without a word of it in the WAL: {}",
                               counted(unexplained, "page"),
                               some_of(report.unexplained.named, unexplained)));
    if (bad == 0) {
      hint =
          "something else than PostgreSQL writes to its files, or the disk lost a write: look at "
          "it, "
          "and keep the backups from before; the next backup reads every page";
    }
  }
  return make_error(ErrorKind::kCorrupt,
                    fmt::format("the backup is complete, but {}", fmt::join(what, "; and ")),
                    std::move(hint));
}

std::string list_text(const catalog::Listing& listing, const std::string& cluster,
                      const std::string& repository) {
  std::string text =
      fmt::format("Cluster {} in {}: {} stored, {} of it WAL in {}\n", cluster, repository,
                  human_bytes(listing.bytes_stored), human_bytes(listing.wal_bytes_stored),
                  counted(listing.wal_segments, "segment"));
  text += "\nBackups\n" + backups_table(listing.backups);
  text += "\nRecovery windows: every moment before TO, and every LSN, can be recovered\n" +
          windows_table(listing.windows);
  if (!listing.gaps.empty())
    text += "\nGaps: WAL that is missing or of no use\n" + gaps_table(listing.gaps);
  const bool forked = std::ranges::any_of(listing.timelines, [](const auto& timeline) {
    return timeline.left || timeline.history_missing;
  });
  if (forked) {
    text += "\nTimelines: a target is one of the current unless --timeline says otherwise\n" +
            timelines_table(listing.timelines);
  }
  return text;
}

std::string history_export_text(size_t rows) {
  return fmt::format("backup_history is up to date: {} added or changed\n", counted(rows, "row"));
}

std::string history_text(const std::vector<catalog::Event>& events) {
  if (events.empty()) return "Nothing was tried yet.\n";
  Table table({{"WHEN"}, {"KIND"}, {"TOOK", true}, {"RESULT"}, {"ID"}, {"WHAT"}});
  for (const auto& event : events) {
    table.row({local_second(event.started_at), event.kind, took(event), result(event), event.id,
               what(event)});
  }
  return table.text();
}

}  // namespace walkback::cli
