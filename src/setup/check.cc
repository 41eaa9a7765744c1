#include "setup/check.h"

#include <fmt/format.h>

#include "base/shell.h"
#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "catalog/server_directory.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
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
    in_recovery_ = in_recovery.ok() && *in_recovery == "true";
    if (in_recovery_) {
      ok("role", "a standby: its primary archives, and is to be checked there");
      note("standby", standby(*lineage));
      note("primary", primary(*lineage));
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

  // What `backup` calls and reads. A right on a function counts in one database.
  Result<void> rights() {
    const bool named_anew = parts_.connection.server_version() >= kNewBackupFunctions;
    const std::vector<std::string> functions =
        named_anew
            ? std::vector<std::string>{"pg_backup_start(text, boolean)", "pg_backup_stop(boolean)"}
            : std::vector<std::string>{"pg_start_backup(text, boolean, boolean)",
                                       "pg_stop_backup(boolean, boolean)"};
    const Missing missing = TRY(missing_rights(parts_.connection, functions));
    if (missing.none()) {
      ok("rights", "the connection's user may take backups");
    } else {
      fail("rights", "the connection's user may not take backups: " + missing.text(),
           missing.hint(in_recovery_));
    }
    return success();
  }

  // What a backup asks before it begins at a standby.
  Result<void> standby(const catalog::Lineage& lineage) {
    if (TRY(pgconn::query_text(parts_.connection,
                               "SELECT full_page_writes::text FROM pg_control_checkpoint()")) !=
        "true") {
      fail("standby", "full_page_writes is off at the primary: no backup can be taken here",
           "on the primary: ALTER SYSTEM SET full_page_writes = on, then SELECT pg_reload_conf()");
      return success();
    }
    const pg::ControlFile control =
        TRY(catalog::read_control_file(parts_.files, server_.pgdata)).control;
    const catalog::WalArchive archive(parts_.objects, server_.call.cluster, lineage);
    catalog::SegmentLists lists(archive);
    const Result<catalog::WalChain> chain = catalog::WalChain::load(lists, control.timeline);
    if (!chain.ok() && chain.error().kind != ErrorKind::kMissing) return chain.error();
    if (!chain.ok() || chain->stretches().empty()) {
      fail("standby",
           fmt::format("the repository has no WAL of timeline {}, which this standby follows",
                       control.timeline.value),
           "its primary archives it: `walkback init --apply` there, with this repository and this "
           "cluster's name");
      return success();
    }
    const pg::Lsn end = chain->stretches().back().end;
    const uint64_t number = control.redo.value / archive.segment_bytes();
    if (end < pg::Lsn{number * archive.segment_bytes()}) {
      warn("standby",
           fmt::format("the repository has the primary's WAL up to {}, this standby goes on from "
                       "{}: a backup waits for what is between",
                       end.text(), control.redo.text()),
           "`walkback status` on the primary says why it does not archive");
      return success();
    }
    ok("standby", fmt::format("the primary's WAL is in the repository up to {}", end.text()));
    return success();
  }

  Result<void> primary(const catalog::Lineage& lineage) {
    if (!parts_.connect_to_primary) {
      ok("primary",
         "not asked: without postgresql.primary_conninfo a backup here ends when the primary's "
         "archive_timeout has passed");
      return success();
    }
    constexpr std::string_view kCorrect = "correct postgresql.primary_conninfo";
    const std::unique_ptr<pgconn::Connection> primary = TRY(parts_.connect_to_primary());
    const std::string identifier = TRY(
        pgconn::query_text(*primary, "SELECT system_identifier::text FROM pg_control_system()"));
    if (identifier != fmt::format("{}", static_cast<int64_t>(lineage.system_identifier.value))) {
      fail("primary", "the server in postgresql.primary_conninfo is of another cluster", kCorrect);
      return success();
    }
    if (TRY(pgconn::query_text(*primary, "SELECT pg_is_in_recovery()::text")) == "true") {
      fail("primary", "the server in postgresql.primary_conninfo is a standby itself", kCorrect);
      return success();
    }
    const Missing missing = TRY(missing_rights(*primary, {"pg_switch_wal()"}));
    if (!missing.none()) {
      // Without the switch a backup ends later; without the settings it is refused.
      findings_.push_back(
          {missing.settings ? Level::kFailed : Level::kWarning, "primary",
           "the user of postgresql.primary_conninfo may not do all: " + missing.text(),
           missing.hint(/*at_primary=*/true)});
      return success();
    }
    return primarys_archiver(*primary, lineage);
  }

  Result<void> primarys_archiver(pgconn::Connection& primary, const catalog::Lineage& lineage) {
    const std::string mode =
        TRY(pgconn::query_text(primary, "SELECT current_setting('archive_mode')"));
    const std::string command =
        TRY(pgconn::query_text(primary, "SELECT current_setting('archive_command')"));
    if (mode == "off" || command.empty()) {
      fail("primary",
           mode == "off" ? "it does not archive its WAL: archive_mode is off"
                         : "it does not archive its WAL: archive_command is empty",
           "`walkback init --apply` on the primary's host, with this repository");
      return success();
    }
    const std::string last = TRY(pgconn::query_text(
        primary, "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"));
    const catalog::WalArchive archive(parts_.objects, server_.call.cluster, lineage);
    const bool is_segment = pg::wal_file_kind(last) == pg::WalFileKind::kSegment;
    if (catalog::is_foreign_archive_command(command) && is_segment && !TRY(archive.has(last))) {
      fail("primary",
           fmt::format("it calls WAL segment {} archived, and it is not in the repository", last),
           "`walkback check` on the primary's host shows what its archive_command is");
      return success();
    }
    ok("primary", "it archives, and ends a segment when it is asked to");
    return success();
  }

  // Of the session's user, in the session's database.
  struct Missing {
    std::vector<std::string> functions;
    bool settings = false;
    std::string user, database;  // as SQL writes the one, as it is the other

    bool none() const { return functions.empty() && !settings; }
    std::string text() const {
      std::vector<std::string> what = functions;
      if (settings) what.emplace_back("the settings that pg_read_all_settings shows");
      return fmt::format("{} in database {} lacks {}", user, database, fmt::join(what, ", "));
    }
    // One line to paste.
    std::string hint(bool at_primary) const {
      std::string sql;
      if (!functions.empty()) {
        sql = fmt::format("GRANT EXECUTE ON FUNCTION {} TO {}", fmt::join(functions, ", "), user);
      }
      if (settings) {
        sql += fmt::format("{}GRANT pg_read_all_settings TO {}", sql.empty() ? "" : "; ", user);
      }
      return fmt::format(
          "as a superuser{}, in this database, for there alone it counts: `psql -d {} -c {}`",
          at_primary ? " of the primary" : "", shell_word(database), shell_word(sql));
    }
  };

  static Result<Missing> missing_rights(pgconn::Connection& connection,
                                        const std::vector<std::string>& functions) {
    Missing missing;
    for (const std::string& function : functions) {
      const std::string may = TRY(pgconn::query_text(
          connection, "SELECT has_function_privilege($1, 'execute')::text", {function}));
      if (may != "true") missing.functions.push_back(function);
    }
    missing.settings =
        TRY(pgconn::query_text(
            connection, "SELECT pg_has_role('pg_read_all_settings', 'usage')::text")) != "true";
    missing.user = TRY(pgconn::query_text(connection, "SELECT quote_ident(current_user)"));
    missing.database = TRY(pgconn::query_text(connection, "SELECT current_database()"));
    return missing;
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
  bool in_recovery_ = false;
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
