#include <fmt/format.h>

#include <algorithm>

#include "cli/human.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {

using restore::RecoverReport;
using restore::RecoveryAction;

// Text for a POSIX shell to take as one word.
std::string shell_word(std::string_view text) {
  bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 ||
           std::string_view("/._-+:@%,=").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return std::string(text);
  std::string word = "'";
  for (char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string psql(const RecoverReport& report) {
  return fmt::format("psql -h {} -p {} -d postgres", shell_word(report.socket_directory),
                     report.port);
}

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

std::string describe_changes(const std::vector<restore::SettingChange>& changes) {
  std::vector<std::string> lines;
  for (const auto& change : changes) {
    std::string_view value = change.value.empty() ? "''" : std::string_view(change.value);
    lines.push_back(fmt::format("{} = {}: {}", change.name, value, change.why));
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

std::string go_on_paused(const RecoverReport& report) {
  return fmt::format(
      "The copy stands still at the target and can be read:\n"
      "  {0}\n"
      "Right moment: open it for writing with\n"
      "  {0} -c 'SELECT pg_wal_replay_resume()'\n"
      "Wrong moment: stop it, and recover to another target into another directory.\n",
      psql(report));
}

std::string go_on_shut_down(const RecoverReport& report) {
  return fmt::format(
      "The server shut down at the target, as asked. It would do so again: to open the copy, set\n"
      "  recovery_target_action = 'promote'\n"
      "in {}/postgresql.auto.conf, then start it.\n",
      report.data_directory);
}

std::string go_on_promoted(const RecoverReport& report) {
  return fmt::format(
      "Connect:\n"
      "  {}\n"
      "The copy archives nothing, so nothing done in it reaches the repository. To make it the "
      "cluster:\n"
      "  walkback adopt --pgdata {}\n",
      psql(report), shell_word(report.data_directory));
}

std::string go_on_unstarted(const RecoverReport& report) {
  return fmt::format(
      "Nothing was started. The settings are in place: starting the server on\n"
      "  {}\n"
      "replays the WAL up to the target.\n",
      report.data_directory);
}

std::string go_on(const RecoverReport& report, RecoveryAction action) {
  if (!report.started) return go_on_unstarted(report);
  if (action == RecoveryAction::kPause) return go_on_paused(report);
  if (action == RecoveryAction::kShutdown) return go_on_shut_down(report);
  return go_on_promoted(report);
}

}  // namespace

std::string recover_text(const RecoverReport& report, RecoveryAction action) {
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
  if (!report.setting_changes.empty()) {
    fields.add("changed", describe_changes(report.setting_changes));
  }
  std::string_view done = report.started ? "Recovered" : "Restored, ready to recover";
  return fmt::format("{} {}\n\n{}\n{}", done, target_phrase(report.plan), fields.text(),
                     go_on(report, action));
}

Error not_reached_error(const RecoverReport& report) {
  return make_error(
      ErrorKind::kCorrupt,
      fmt::format("the recovered server stands at LSN {}, not at the target {}",
                  report.reached_lsn.text(), report.plan.end_lsn.text()),
      fmt::format("do not use this copy before you know why: its log is {}", report.log_file));
}

std::string adopt_text(const AdoptView& view) {
  std::string text = fmt::format(
      "{} is the cluster now, on timeline {}; {} of its WAL archived.\n\nNext:\n", view.pgdata,
      view.report.timeline.value, counted(view.report.segments_archived, "segment"));
  std::vector<std::string> steps;
  if (view.configured_pgdata != view.pgdata) {
    steps.push_back(
        fmt::format("set pgdata = \"{}\" in [postgresql] of {}, and conninfo if the port differs",
                    view.pgdata, view.config_path));
  }
  if (view.report.restart_required) {
    steps.push_back("restart the server: archiving begins with the restart");
  }
  steps.push_back("walkback backup: the first one of the new timeline");
  for (size_t i = 0; i < steps.size(); ++i) text += fmt::format("  {}. {}\n", i + 1, steps[i]);
  return text;
}

}  // namespace walkback::cli
