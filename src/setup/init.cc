#include "setup/init.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/control_file_reader.h"
#include "catalog/layout.h"
#include "catalog/lineage.h"
#include "catalog/server_commands.h"
#include "catalog/wal_archive.h"
#include "repo/repository.h"

namespace walkback::setup {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};
constexpr std::chrono::seconds kReloadTimeout{10};

Result<std::string> current_setting(pgconn::Connection& connection, const std::string& name) {
  return pgconn::query_text(connection, "SELECT coalesce(current_setting($1, true), '')", {name});
}

// The server that answers must be the one whose files we were told of, or the archive would mix two
// clusters.
Result<pg::ControlFile> check_same_cluster(const InitOptions& options,
                                           pgconn::Connection& connection, FileSystem& files) {
  const pg::ControlFile control = TRY(catalog::read_control_file(files, options.pgdata)).control;
  const std::string answered = TRY(
      pgconn::query_text(connection, "SELECT system_identifier::text FROM pg_control_system()"));
  const auto signed_identifier = static_cast<int64_t>(control.system_identifier.value);
  if (answered == fmt::format("{}", signed_identifier)) return control;
  return make_error(
      ErrorKind::kInvalid,
      fmt::format("the server that answers has system identifier {}, the files in {} have {}",
                  answered, options.pgdata, control.system_identifier.value),
      "give --conninfo and --pgdata of the same cluster");
}

// A repository inside the cluster would be lost with it, and would be backed up into itself.
Result<void> check_repository_place(const InitOptions& options, FileSystem& files) {
  constexpr std::string_view kScheme = "file://";
  if (!options.repository_url.starts_with(kScheme)) return success();
  std::string path = options.repository_url.substr(kScheme.size());
  const std::string pgdata = TRY(files.canonical(options.pgdata));
  while (!TRY(files.status(path)) && path != "/" && path != ".") path = parent_path(path);
  path = TRY(files.canonical(path)) + "/";
  if (!path.starts_with(pgdata + "/")) return success();
  return make_error(ErrorKind::kInvalid,
                    fmt::format("the repository {} lies inside the data directory {}",
                                options.repository_url, options.pgdata),
                    "choose a directory on another disk, better on another host");
}

// A name that another cluster uses is a mistake, unless that one was upgraded or made anew.
Result<void> check_name_is_free(const InitOptions& options, store::ObjectStore& objects,
                                pg::SystemIdentifier id) {
  const std::vector<catalog::Lineage> lineages =
      TRY(catalog::list_lineages(objects, options.cluster));
  const bool known =
      std::ranges::find(lineages, id, &catalog::Lineage::system_identifier) != lineages.end();
  if (lineages.empty() || known || options.new_lineage) return success();
  return make_error(
      ErrorKind::kConflict,
      fmt::format("'{}' in {} is the cluster with system identifier {}, this one has {}",
                  options.cluster, objects.description(), lineages.back().system_identifier.value,
                  id.value),
      "give this one a name of its own with --cluster; or, if it takes the other's place "
      "(pg_upgrade, "
      "a new initdb), say so with --new-lineage");
}

Result<std::vector<ServerSetting>> wanted_settings(const InitOptions& options,
                                                   pgconn::Connection& connection) {
  const std::string command =
      catalog::archive_command({options.program, options.config_path, options.cluster});
  std::vector<ServerSetting> settings = {
      {"archive_mode", "on", "", true},
      {"archive_command", command, "", false},
      {"archive_timeout", fmt::format("{}", options.archive_timeout_s), "", false},
  };
  if (TRY(current_setting(connection, "wal_level")) == "minimal") {
    settings.push_back({"wal_level", "replica", "", true});
  }
  // 15 and later: a library takes precedence over the command, and from 16 both at once are an
  // error.
  if (!TRY(current_setting(connection, "archive_library")).empty()) {
    settings.push_back({"archive_library", "", "", false});
  }
  return settings;
}

// What the configuration files say now, whether or not the server acts on it.
Result<std::string> setting_in_files(pgconn::Connection& connection, const std::string& name) {
  const pgconn::Table table =
      TRY(connection.query("SELECT setting FROM pg_file_settings WHERE name = $1 AND applied ORDER "
                           "BY seqno DESC LIMIT 1",
                           {name}));
  return table.rows.empty() ? std::string() : table.rows[0][0].value_or("");
}

Result<void> read_current(pgconn::Connection& connection, std::vector<ServerSetting>& settings) {
  for (ServerSetting& setting : settings) {
    // archive_timeout in seconds as it is stored, not "1min"; archive_mode = always serves as well
    // as on.
    setting.current = TRY(pgconn::query_text(
        connection, "SELECT setting FROM pg_settings WHERE name = $1", {setting.name}));
    if (setting.name == "archive_mode" && setting.current == "always") setting.current = "on";
    // So a server shows its command while archive_mode is off (show_archive_command, xlog.c).
    if (setting.current == "(disabled)") {
      setting.current = TRY(setting_in_files(connection, setting.name));
    }
  }
  return success();
}

std::string quote_literal(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) {
    if (c == '\'') quoted += '\'';
    quoted += c;
  }
  return quoted + "'";
}

bool all_satisfied(const std::vector<ServerSetting>& settings) {
  return std::all_of(settings.begin(), settings.end(),
                     [](const ServerSetting& setting) { return setting.satisfied(); });
}

Result<void> apply(pgconn::Connection& connection, std::vector<ServerSetting>& settings,
                   Clock& clock) {
  for (const ServerSetting& setting : settings) {
    if (setting.satisfied()) continue;
    TRY(connection.query(
        fmt::format("ALTER SYSTEM SET {} = {}", setting.name, quote_literal(setting.wanted))));
  }
  TRY(connection.query("SELECT pg_reload_conf()"));
  // The reload reaches our session's process a moment later.
  const auto deadline = clock.monotonic() + kReloadTimeout;
  auto reloaded = [&] {
    return std::all_of(settings.begin(), settings.end(), [](const ServerSetting& setting) {
      return setting.satisfied() || setting.needs_restart;
    });
  };
  do {
    clock.sleep(kBetweenLooks);
    TRY(read_current(connection, settings));
  } while (!reloaded() && clock.monotonic() < deadline);
  if (reloaded()) return success();
  return make_error(
      ErrorKind::kInvalid, "the server did not take the new settings over",
      "a setting given on the server's command line wins over ALTER SYSTEM; take it out there");
}

// One real segment, archived by the server itself and read back: nothing less proves
// archive_command.
Result<std::string> prove_archiving(const InitOptions& options, const catalog::WalArchive& archive,
                                    pgconn::Connection& connection, FileSystem& files, Clock& clock,
                                    Progress& progress) {
  progress.begin("archiving one segment and reading it back", 0);
  TRY(connection.query("SELECT pg_create_restore_point('walkback init')"));
  const std::string segment =
      TRY(pgconn::query_text(connection, "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"));
  TRY(connection.query("SELECT pg_switch_wal()"));
  const auto deadline = clock.monotonic() + options.proof_timeout;
  while (!TRY(archive.has(segment))) {
    if (clock.monotonic() > deadline) {
      return make_error(ErrorKind::kTransient,
                        fmt::format("segment {} did not arrive in the repository within {} s",
                                    segment, options.proof_timeout.count()),
                        "the server's log says what archive_command answered; mend that and run "
                        "`walkback init` again");
    }
    clock.sleep(kBetweenLooks);
  }
  const std::optional<Bytes> stored = TRY(archive.get(segment));
  // A checkpoint may have recycled it already; its own checksums were verified by the read.
  const Result<Bytes> original =
      read_file(files, join_path(options.pgdata, "pg_wal/" + segment), archive.segment_bytes());
  if (!stored || (original.ok() && *original != *stored)) {
    return make_error(
        ErrorKind::kCorrupt,
        fmt::format("segment {} reads back from the repository other than it is in pg_wal",
                    segment));
  }
  return segment;
}

}  // namespace

Result<InitReport> run_init(const InitOptions& options, pgconn::Connection& connection,
                            FileSystem& files, store::ObjectStore& objects, Clock& clock,
                            Random& random, Progress& progress) {
  TRY(catalog::check_cluster_name(options.cluster));
  const pg::ControlFile control = TRY(check_same_cluster(options, connection, files));
  TRY(check_repository_place(options, files));
  TRY(check_name_is_free(options, objects, control.system_identifier));

  InitReport report;
  const Timestamp before = clock.now();
  const repo::RepositoryInfo repository = TRY(repo::create_repository(objects, clock, random));
  report.repository_id = repository.id;
  report.repository_created = repository.created >= before;
  report.system_identifier = control.system_identifier;
  report.server_version_num = connection.server_version();
  const catalog::Lineage lineage{control.system_identifier, control.major,
                                 control.wal_segment_bytes, clock.now()};
  TRY(catalog::register_lineage(objects, options.cluster, lineage));

  report.settings = TRY(wanted_settings(options, connection));
  TRY(read_current(connection, report.settings));
  if (options.apply && !all_satisfied(report.settings)) {
    TRY(apply(connection, report.settings, clock));
    report.applied = true;
  }
  report.restart_required = std::any_of(
      report.settings.begin(), report.settings.end(),
      [](const ServerSetting& setting) { return setting.needs_restart && !setting.satisfied(); });
  if (all_satisfied(report.settings)) {
    const catalog::WalArchive archive(objects, options.cluster, lineage);
    report.proved_segment =
        TRY(prove_archiving(options, archive, connection, files, clock, progress));
  }
  return report;
}

}  // namespace walkback::setup
