#include <fmt/format.h>

#include "base/shell.h"
#include "cli/human.h"
#include "cli/text.h"
#include "restore/server_commands.h"

namespace walkback::cli {

namespace {

using restore::RecoverReport;
using restore::RecoveryAction;

std::string describe_reached(const RecoverReport& report) {
  std::string text = "LSN " + report.reached_lsn.text();
  const std::optional<restore::PlanRecord>& last = report.plan.last_replayed;
  if (!last) return text;
  // By the plan: the server's own last commit time may be of the transaction before.
  text += last->xid ? fmt::format(", transaction {}", *last->xid) : ", " + last->what;
  if (last->time) {
    text += fmt::format(", {} {}", last->xid ? "committed at" : "of", local_time(*last->time));
  }
  return text;
}

std::string describe_took(const RecoverReport& report) {
  if (!report.started) return human_duration(report.restore_s) + " to restore";
  return fmt::format("{}: restore {}, replay {} ({})", human_duration(report.total_s),
                     human_duration(report.restore_s), human_duration(report.replay_s),
                     counted(report.segments_replayed, "segment"));
}

std::string describe_delta(const RecoverReport::Delta& delta) {
  return fmt::format("{} were right already, {} were written, {} fetched",
                     human_bytes(delta.bytes_right), human_bytes(delta.bytes_written),
                     human_bytes(delta.bytes_fetched));
}

std::vector<std::string> wal_set_aside(const restore::DeltaSurvey& survey) {
  std::vector<std::string> names = survey.kept_before;
  names.insert(names.end(), survey.kept_wal.begin(), survey.kept_wal.end());
  return names;
}

std::string describe_set_aside(const restore::DeltaSurvey& survey) {
  const size_t wal = wal_set_aside(survey).size();
  return fmt::format("{}\n{}the old configuration and pg_control", survey.kept_directory,
                     wal > 0 ? counted(wal, "WAL file") + " that the archive has not, and " : "");
}

// What nobody else has is the reader's to throw away.
std::string what_is_set_aside(const RecoverReport& report, const Suggestion& suggestion) {
  const restore::DeltaSurvey& survey = report.delta->survey;
  const std::vector<std::string> wal = wal_set_aside(survey);
  const restore::KeptCommits& commits = survey.kept_commits;
  std::string text;
  if (!wal.empty()) {
    const std::string what =
        commits.count == 0
            ? "No commit that the archive lacks was found in the WAL that was set aside."
            : fmt::format(
                  "The WAL that was set aside has {} that neither this copy nor the "
                  "archive has, {} {}.",
                  counted(commits.count, "commit"), commits.count == 1 ? "at" : "from",
                  commits.first ? local_time(*commits.first) : "a time not known");
    text += fmt::format(
        "{}\n"
        "If it is the cluster's own (not a copy's), this archives it; then `walkback find` sees "
        "it, and a recovery along its timeline (--timeline) reaches it; where the last one ends "
        "early, --latest says the --lsn:\n"
        "  for name in {}; do {}/$name; done\n",
        what, fmt::join(wal, " "),
        suggestion.walkback("wal-push " + shell_word(survey.kept_directory + "/pg_wal")));
  }
  return text + fmt::format("When this copy is found right{}, what was set aside can go:\n  {}\n",
                            wal.empty() ? "" : " and nothing of that is wanted",
                            suggestion.other("rm -r " + shell_word(survey.kept_directory)));
}

std::string describe_changes(const std::vector<restore::SettingChange>& changes) {
  std::vector<std::string> lines;
  for (const auto& change : changes) {
    std::string_view value = change.value.empty() ? "''" : std::string_view(change.value);
    lines.push_back(fmt::format("{} = {}: {}", change.name, value, change.why));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string start(const RecoverReport& report, std::string_view more = {}) {
  return restore::start_command(report.binaries, report.data_directory, more);
}

std::string connect(const RecoverReport& report) {
  return restore::psql_command(report.socket_directory, report.port, report.role);
}

// What is given back by stopping the copy and removing its directories.
std::string discard(const RecoverReport& report, const Suggestion& suggestion) {
  std::string directories = shell_word(report.data_directory);
  const std::string beside = report.data_directory + ".tablespaces";
  bool has_beside = false;
  for (const auto& tablespace : report.layout.tablespaces) {
    has_beside = has_beside || tablespace.location.starts_with(beside + "/");
  }
  std::string links;
  for (const auto& replayed : report.layout.replayed) {
    has_beside = has_beside || replayed.place.starts_with(beside + "/");
    if (replayed.place != replayed.location) links += " " + shell_word(replayed.location);
  }
  if (has_beside) directories += " " + shell_word(beside);
  directories += links;
  return fmt::format(
      "  {}\n  {}\n",
      suggestion.other(restore::stop_command(report.binaries, report.data_directory)),
      suggestion.other("rm -r " + directories));
}

// To be begun again: what it went on from was somebody's cluster, and is nothing to remove.
std::string once_more(const RecoverReport& report, const Suggestion& suggestion) {
  return fmt::format(
      "  {}\n  and `walkback recover --delta` again, to another target\n",
      suggestion.other(restore::stop_command(report.binaries, report.data_directory)));
}

std::string go_on_paused(const RecoverReport& report, const Suggestion& suggestion) {
  return fmt::format(
      "The copy stands still at the target and can be read:\n"
      "  {}\n"
      "Right moment: open it for writing with\n"
      "  {}\n"
      "Wrong moment: {}\n"
      "{}",
      suggestion.other(connect(report)),
      suggestion.other(restore::promote_command(report.socket_directory, report.port, report.role)),
      report.delta ? "recover onto it again." : "discard it, and recover to another target.",
      report.delta ? once_more(report, suggestion) : discard(report, suggestion));
}

std::string go_on_shut_down(const RecoverReport& report, const Suggestion& suggestion) {
  return fmt::format(
      "The server shut down at the target, as asked. It would do so again; this opens the copy for "
      "writing:\n"
      "  {}\n",
      suggestion.server_start(start(report, "-c recovery_target_action=promote")));
}

std::string go_on_promoted(const RecoverReport& report, const Suggestion& suggestion) {
  return fmt::format(
      "Connect:\n"
      "  {}\n"
      "The copy archives nothing, so nothing done in it reaches the repository. To make it the "
      "cluster:\n"
      "  {}\n"
      "{}:\n"
      "{}",
      suggestion.other(connect(report)),
      suggestion.walkback("adopt --pgdata " + shell_word(report.data_directory)),
      report.delta ? "Wrong moment" : "To discard it",
      report.delta ? once_more(report, suggestion) : discard(report, suggestion));
}

std::string_view at_the_target(RecoveryAction action) {
  switch (action) {
    case RecoveryAction::kPromote:
      return "is opened for writing there";
    case RecoveryAction::kPause:
      return "stands still there";
    case RecoveryAction::kShutdown:
      return "shuts down there";
  }
  return {};
}

std::string go_on_unstarted(const RecoverReport& report, RecoveryAction action,
                            const Suggestion& suggestion) {
  return fmt::format(
      "Nothing was started. This starts the server, which replays the WAL up to the target and "
      "{}:\n"
      "  {}\n",
      at_the_target(action), suggestion.server_start(start(report)));
}

std::string go_on(const RecoverReport& report, RecoveryAction action,
                  const Suggestion& suggestion) {
  if (!report.started) return go_on_unstarted(report, action, suggestion);
  if (action == RecoveryAction::kPause) return go_on_paused(report, suggestion);
  if (action == RecoveryAction::kShutdown) return go_on_shut_down(report, suggestion);
  return go_on_promoted(report, suggestion);
}

}  // namespace

std::string recover_text(const RecoverReport& report, RecoveryAction action,
                         const Suggestion& suggestion) {
  Fields fields;
  if (report.started) fields.add("reached", describe_reached(report));
  fields.add("backup", report.plan.backup.id.text);
  fields.add("data directory", report.data_directory);
  if (report.started) {
    fields.add("server",
               fmt::format("port {}, socket in {}", report.port, report.socket_directory));
    fields.add("log", report.log_file);
  }
  if (report.new_timeline) fields.add("timeline", std::to_string(report.new_timeline->value));
  fields.add("took", describe_took(report));
  if (report.delta) {
    fields.add("delta", describe_delta(*report.delta));
    fields.add("set aside", describe_set_aside(report.delta->survey));
  }
  if (!report.setting_changes.empty()) {
    fields.add("changed", describe_changes(report.setting_changes));
  }
  std::string_view done = report.started ? "Recovered" : "Restored, ready to recover";
  return fmt::format("{} {}\n\n{}\n{}{}", done, target_phrase(report.plan), fields.text(),
                     go_on(report, action, suggestion),
                     report.delta ? what_is_set_aside(report, suggestion) : "");
}

Error not_reached_error(const RecoverReport& report) {
  return make_error(
      ErrorKind::kCorrupt,
      fmt::format("the recovered server stands at LSN {}, not at the target {}",
                  report.reached_lsn.text(), report.plan.end_lsn.text()),
      fmt::format("do not use this copy before you know why: its log is {}", report.log_file));
}

}  // namespace walkback::cli
