#include "setup/check.h"

#include <fmt/format.h>

#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/server_directory.h"
#include "catalog/wal_archive.h"
#include "setup/archiving_proof.h"
#include "setup/server_settings.h"
#include "store/conformance.h"

namespace walkback::setup {

namespace {

constexpr std::string_view kInit = "`walkback init --apply` sets it";
// From this version on the functions of a backup are called so (PostgreSQL 15's release notes).
constexpr int kNewBackupFunctions = 150000;

class ServerCheck {
 public:
  ServerCheck(const ServerToCheck& server, const CheckParts& parts)
      : server_(server), parts_(parts) {}

  std::vector<Finding> run() {
    const Result<catalog::Lineage> lineage = known_cluster();
    if (!lineage.ok()) {
      findings_.push_back(failed("cluster", lineage.error()));
      return std::move(findings_);
    }
    ok("cluster",
       fmt::format("system identifier {}, PostgreSQL {}.{}", lineage->system_identifier.value,
                   parts_.connection.server_version() / 10000,
                   parts_.connection.server_version() % 10000));
    const Result<std::string> in_recovery =
        pgconn::query_text(parts_.connection, "SELECT pg_is_in_recovery()::text");
    if (in_recovery.ok() && *in_recovery == "true") {
      ok("role", "a standby: its primary archives, and is to be checked there");
    } else {
      note("settings", settings());
      note("archiver", archiver());
    }
    note("rights", rights());
    if (server_.prove_archiving && archives_) prove(*lineage);
    return std::move(findings_);
  }

 private:
  void ok(std::string what, std::string text) {
    findings_.push_back({Level::kOk, std::move(what), std::move(text)});
  }
  void warn(std::string what, std::string text, std::string_view hint) {
    findings_.push_back({Level::kWarning, std::move(what), std::move(text), std::string(hint)});
  }
  void fail(std::string what, std::string text, std::string_view hint) {
    findings_.push_back({Level::kFailed, std::move(what), std::move(text), std::string(hint)});
  }
  void note(std::string what, const Result<void>& looked) {
    if (!looked.ok()) findings_.push_back(failed(std::move(what), looked.error()));
  }

  Result<catalog::Lineage> known_cluster() {
    const pg::ControlFile control =
        TRY(catalog::read_control_file(parts_.files, server_.pgdata)).control;
    const std::string answered = TRY(pgconn::query_text(
        parts_.connection, "SELECT system_identifier::text FROM pg_control_system()"));
    if (answered != fmt::format("{}", static_cast<int64_t>(control.system_identifier.value))) {
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("the server that answers is not the cluster in {}", server_.pgdata),
          "postgresql.conninfo and postgresql.pgdata must name the same cluster");
    }
    TRY(check_directory());
    return catalog::get_lineage(parts_.objects, server_.call.cluster, control.system_identifier);
  }

  // After an adoption both clusters have the same system identifier: the directory tells them
  // apart.
  Result<void> check_directory() {
    const Result<std::string> there = pgconn::query_text(
        parts_.connection, "SELECT coalesce(current_setting('data_directory', true), '')");
    // Who may not see it lacks the rights for a backup too, which is looked at below.
    if (!there.ok() && there.error().kind == ErrorKind::kDenied) return success();
    if (!there.ok()) return there.error();
    if (there->empty() || TRY(catalog::is_server_directory(parts_.files, *there, server_.pgdata))) {
      return success();
    }
    return make_error(ErrorKind::kInvalid,
                      fmt::format("the server that answers runs on {}, the configuration says {}",
                                  *there, server_.pgdata),
                      "postgresql.conninfo and postgresql.pgdata must name the same cluster");
  }

  Result<void> settings() {
    std::vector<ServerSetting> settings =
        TRY(wanted_settings(server_.call, std::nullopt, parts_.connection));
    TRY(read_current(parts_.connection, settings));
    archives_ = true;
    for (const ServerSetting& setting : settings) {
      look_at(setting);
      // Without it the WAL arrives all the same, later.
      archives_ = archives_ && (setting.satisfied() || setting.name == "archive_timeout");
    }
    return success();
  }

  void look_at(const ServerSetting& setting) {
    if (setting.satisfied()) {
      ok(setting.name,
         setting.name == "archive_timeout" ? setting.current + " s" : setting.current);
    } else if (setting.pending) {
      fail(setting.name, fmt::format("{}; {} waits for a restart", setting.current, setting.wanted),
           "restart PostgreSQL");
    } else if (archives_elsewhere(setting)) {
      fail(setting.name, fmt::format("\"{}\": the server's WAL goes elsewhere", setting.current),
           "`walkback init --apply --replace-archive-command` sets walkback's; the other archive "
           "ends there");
    } else if (setting.name == "archive_command") {
      fail(setting.name,
           fmt::format("\"{}\" is not walkback with this configuration", setting.current), kInit);
    } else if (setting.name == "archive_timeout") {
      warn(setting.name, "off: an idle cluster's commits wait for a full segment", kInit);
    } else {
      fail(setting.name, fmt::format("{}; {} is needed", setting.current, setting.wanted),
           "`walkback init --apply`, then a restart");
    }
  }

  Result<void> archiver() {
    const pgconn::Table table = TRY(parts_.connection.query(
        "SELECT failed_count, last_failed_wal, coalesce(last_failed_time > last_archived_time, "
        "last_failed_time IS NOT NULL), last_archived_wal FROM pg_stat_archiver"));
    const auto& row = table.rows.at(0);
    if (row[2].value_or("f") == "t") {
      fail("archiver",
           fmt::format("the last try failed, of {} ({} failures)", row[1].value_or("?"),
                       row[0].value_or("?")),
           "the server's log says why");
    } else {
      ok("archiver", row[3] ? "last archived " + *row[3] : "nothing was archived yet");
    }
    return success();
  }

  Result<void> rights() {
    const bool named_anew = parts_.connection.server_version() >= kNewBackupFunctions;
    const char* start =
        named_anew ? "pg_backup_start(text, boolean)" : "pg_start_backup(text, boolean, boolean)";
    const std::string may = TRY(pgconn::query_text(
        parts_.connection, "SELECT has_function_privilege($1, 'execute')::text", {start}));
    if (may == "true") {
      ok("rights", "the connection's user may take backups");
    } else {
      fail("rights", "the connection's user may not take backups",
           fmt::format("as a superuser: GRANT EXECUTE ON FUNCTION {} TO that user, and the same "
                       "for the function that stops a backup",
                       start));
    }
    return success();
  }

  void prove(const catalog::Lineage& lineage) {
    const catalog::WalArchive archive(parts_.objects, server_.call.cluster, lineage);
    const Result<std::string> proved =
        prove_archiving({.pgdata = server_.pgdata}, archive, parts_.connection, parts_.files,
                        parts_.clock, parts_.progress);
    if (!proved.ok()) {
      findings_.push_back(failed("proof", proved.error()));
    } else {
      ok("proof",
         fmt::format("the server archived segment {}, and it reads back as it was", *proved));
    }
  }

  const ServerToCheck& server_;
  const CheckParts& parts_;
  bool archives_ = false;
  std::vector<Finding> findings_;
};

// "a_listing_is_in_byte_order" is a sentence.
std::string sentence(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    if (c == '_') c = ' ';
  }
  return text;
}

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarning:
      return "warning";
    case Level::kFailed:
      return "failed";
  }
  return "";
}

Finding failed(std::string what, const Error& error) {
  return {Level::kFailed, std::move(what), error.message, error.hint};
}

std::vector<Finding> check_server(const ServerToCheck& server, const CheckParts& parts) {
  return ServerCheck(server, parts).run();
}

std::vector<Finding> check_conformance(store::ObjectStore& objects, Random& random) {
  store::ConformanceOptions options;
  options.folder = "check/" + random.hex(8);
  std::vector<Finding> findings;
  for (const auto& [name, result] : store::run_all_checks(objects, random, options)) {
    const std::string what = sentence(name);
    findings.push_back(result.ok() ? Finding{Level::kOk, "conformance", what}
                                   : failed("conformance: " + what, result.error()));
  }
  return findings;
}

}  // namespace walkback::setup
