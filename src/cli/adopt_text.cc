#include <fmt/format.h>

#include "base/shell.h"
#include "cli/human.h"
#include "cli/text.h"
#include "restore/server_commands.h"

namespace walkback::cli {

namespace {

using restore::DebianCluster;

std::string pg_ctlcluster(const DebianCluster& debian, std::string_view what) {
  return fmt::format("sudo pg_ctlcluster {} {} {}", shell_word(debian.version),
                     shell_word(debian.name), what);
}

bool takes_a_place(const AdoptView& view) {
  return !view.configured_pgdata.empty() && view.configured_pgdata != view.pgdata;
}

std::string stop_old(const AdoptView& view) {
  const restore::AdoptReport& report = view.report;
  const std::string& old = view.configured_pgdata;
  if (!report.old_server) {
    return fmt::format(
        "if the old cluster ({}) still runs anywhere, stop it: it archives into the same "
        "repository",
        old);
  }
  return fmt::format(
      "stop the old cluster: it runs on port {} in {} and archives into the same repository\n"
      "       {}",
      report.old_server->port, old,
      report.debian ? pg_ctlcluster(*report.debian, "stop")
                    : view.suggestion.other(restore::stop_command(report.binaries, old)));
}

// Two commands: `pg_ctl restart` would bring the copy's port and socket back (postmaster.opts).
std::string start_as_cluster(const AdoptView& view) {
  const restore::AdoptReport& report = view.report;
  std::string text = report.restart_required
                         ? "stop the copy and start it as the cluster, at once: archiving begins "
                           "with that, and WAL that it ends before may never be archived"
                         : "start it: archiving begins with that";
  auto step = [&](const std::string& command) { text += "\n       " + command; };
  if (report.restart_required) {
    step(view.suggestion.other(restore::stop_command(report.binaries, view.pgdata)));
  }
  if (!report.debian) {
    step(view.suggestion.server_start(restore::start_command(report.binaries, view.pgdata)));
    return text + fmt::format("\n     it answers on port {} then", report.port);
  }
  if (takes_a_place(view)) {
    step(fmt::format("set data_directory = '{}' in {}", view.pgdata, report.debian->config_file));
  }
  step(pg_ctlcluster(*report.debian, "start"));
  return text + fmt::format("\n     the configuration in {} rules then, not the one in {}",
                            parent_path(report.debian->config_file), view.pgdata);
}

std::string configure(const AdoptView& view) {
  return fmt::format(
      "set pgdata = \"{}\" in [postgresql] of {}, and conninfo if the port or the socket's "
      "directory is another",
      view.pgdata, view.config_path);
}

std::string keep_tablespaces(const std::vector<restore::Tablespace>& tablespaces) {
  if (tablespaces.empty()) return "";
  std::string text = "\nIts tablespaces are part of it, do not remove them:\n";
  for (const auto& tablespace : tablespaces) text += "  " + tablespace.location + "\n";
  return text;
}

}  // namespace

std::string adopt_text(const AdoptView& view) {
  std::string text = fmt::format(
      "{} is the cluster now, on timeline {}; {} of its WAL archived.\n\nNext:\n", view.pgdata,
      view.report.timeline.value, counted(view.report.segments_archived, "segment"));
  std::vector<std::string> steps;
  if (takes_a_place(view)) steps.push_back(stop_old(view));
  steps.push_back(start_as_cluster(view));
  if (view.configured_pgdata != view.pgdata) steps.push_back(configure(view));
  steps.push_back("take the first backup of the new timeline\n       " +
                  view.suggestion.walkback("backup"));
  for (size_t i = 0; i < steps.size(); ++i) text += fmt::format("  {}. {}\n", i + 1, steps[i]);
  return text + keep_tablespaces(view.report.tablespaces);
}

}  // namespace walkback::cli
