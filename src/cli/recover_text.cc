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
  std::string text = fmt::format("{} were right already, {} were written, {} fetched",
                                 human_bytes(delta.bytes_right), human_bytes(delta.bytes_written),
                                 human_bytes(delta.bytes_fetched));
  const size_t wal = delta.survey.kept_wal.size();
  if (wal > 0) text += fmt::format("\n{} that the archive has not", counted(wal, "WAL file"));
  text += fmt::format("{} kept in {}",
                      wal > 0 ? " and the old configuration are" : "\nthe old configuration is",
                      delta.survey.kept_directory);
  return text;
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
  if (report.delta) fields.add("delta", describe_delta(*report.delta));
  if (!report.setting_changes.empty()) {
    fields.add("changed", describe_changes(report.setting_changes));
  }
  std::string_view done = report.started ? "Recovered" : "Restored, ready to recover";
  return fmt::format("{} {}\n\n{}\n{}", done, target_phrase(report.plan), fields.text(),
                     go_on(report, action, suggestion));
}

Error not_reached_error(const RecoverReport& report) {
  return make_error(
      ErrorKind::kCorrupt,
      fmt::format("the recovered server stands at LSN {}, not at the target {}",
                  report.reached_lsn.text(), report.plan.end_lsn.text()),
      fmt::format("do not use this copy before you know why: its log is {}", report.log_file));
}

}  // namespace walkback::cli
