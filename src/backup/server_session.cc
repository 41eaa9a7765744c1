#include "backup/server_session.h"

#include <fmt/format.h>

#include "base/whole_number.h"
#include "catalog/server_directory.h"

namespace walkback::backup {

namespace {

constexpr int kFirstWithBackupStartFunction = 150000;  // pg_start_backup() before

Result<pg::SystemIdentifier> parse_system_identifier(const std::string& text) {
  // The function gives a signed bigint; the identifier is its 64 bits.
  const auto value = whole_number<int64_t>(text);
  if (!value) {
    return make_error(ErrorKind::kInvalid, fmt::format("'{}' is no system identifier", text));
  }
  return pg::SystemIdentifier{static_cast<uint64_t>(*value)};
}

}  // namespace

Result<ServerFacts> read_server_facts(pgconn::Connection& connection) {
  ServerFacts facts;
  facts.version_num = connection.server_version();
  facts.system_identifier = TRY(parse_system_identifier(
      TRY(pgconn::query_text(connection, "SELECT system_identifier FROM pg_control_system()"))));
  facts.in_recovery = TRY(pgconn::query_text(connection, "SELECT pg_is_in_recovery()")) == "t";
  auto setting = [&](const char* name) {
    return pgconn::query_text(connection, "SELECT coalesce(current_setting($1, true), '')", {name});
  };
  facts.data_directory = TRY(setting("data_directory"));
  facts.config_file = TRY(setting("config_file"));
  facts.hba_file = TRY(setting("hba_file"));
  facts.ident_file = TRY(setting("ident_file"));
  facts.archive_mode = TRY(setting("archive_mode"));
  facts.archive_command = TRY(setting("archive_command"));
  facts.last_archived = TRY(last_archived(connection));
  if (facts.archive_mode == "off") {
    facts.archive_mode_pending =
        TRY(pgconn::query_text(
            connection, "SELECT pending_restart FROM pg_settings WHERE name = 'archive_mode'")) ==
        "t";
  }
  return facts;
}

Result<void> check_archives(const ServerFacts& facts) {
  if (facts.archive_mode == "off" && facts.archive_mode_pending) {
    return make_error(
        ErrorKind::kInvalid,
        "the server does not archive its WAL yet: archive_mode is set, and PostgreSQL "
        "was not restarted since",
        "restart PostgreSQL, then back up again");
  }
  if (facts.archive_mode == "off") {
    return make_error(
        ErrorKind::kInvalid,
        "the server does not archive its WAL (archive_mode = off), so no backup of it could be "
        "brought to a consistent state",
        "run `walkback init --apply` and restart the server, then back up again");
  }
  if (facts.archive_command.empty()) {
    return make_error(ErrorKind::kInvalid, "the server's archive_command is empty",
                      "run `walkback init --apply`: it sets the command and proves that it works");
  }
  return success();
}

Result<void> check_server_facts(const ServerFacts& facts, const std::string& pgdata,
                                FileSystem& files) {
  if (facts.version_num < 130000) {
    return make_error(ErrorKind::kUnsupported,
                      fmt::format("the server is PostgreSQL {}", facts.version_num / 10000),
                      "walkback works with PostgreSQL 13 and later");
  }
  // A standby's WAL is archived by its primary.
  if (!facts.in_recovery) TRY(check_archives(facts));
  if (facts.data_directory.empty() ||
      TRY(catalog::is_server_directory(files, facts.data_directory, pgdata))) {
    return success();
  }
  return make_error(ErrorKind::kInvalid,
                    fmt::format("the server's data directory is {}, the configuration's is {}",
                                facts.data_directory, pgdata),
                    "correct postgresql.pgdata or postgresql.conninfo in the configuration");
}

Result<pg::Lsn> start_backup_mode(pgconn::Connection& connection, const std::string& label) {
  // fast: an immediate checkpoint; the user who types `backup` waits for it.
  const char* sql = connection.server_version() >= kFirstWithBackupStartFunction
                        ? "SELECT pg_backup_start($1, fast => true)"
                        : "SELECT pg_start_backup($1, true, false)";
  return pg::Lsn::parse(TRY(pgconn::query_text(connection, sql, {label})));
}

Result<BackupStop> stop_backup_mode(pgconn::Connection& connection) {
  // We wait for the archive ourselves: the server would wait for ever, and believes
  // archive_command.
  const char* sql =
      connection.server_version() >= kFirstWithBackupStartFunction
          ? "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(wait_for_archive => false)"
          : "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)";
  const pgconn::Table table = TRY(connection.query(sql));
  if (table.rows.size() != 1 || table.rows[0].size() != 3 || !table.rows[0][0]) {
    return make_error(ErrorKind::kInvalid, "the server ended backup mode without saying where");
  }
  const pgconn::Row& row = table.rows[0];
  BackupStop stop;
  stop.lsn = TRY(pg::Lsn::parse(*row[0]));
  stop.label_file = row[1].value_or("");
  stop.tablespace_map = row[2].value_or("");
  return stop;
}

Result<std::string> last_archived(pgconn::Connection& connection) {
  return pgconn::query_text(connection,
                            "SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver");
}

Result<std::optional<std::string>> last_archive_failure(pgconn::Connection& connection) {
  const pgconn::Table table =
      TRY(connection.query("SELECT last_failed_wal, last_failed_time FROM pg_stat_archiver "
                           "WHERE last_failed_time > coalesce(last_archived_time, '-infinity')"));
  if (table.rows.empty() || !table.rows[0][0]) return std::optional<std::string>();
  return std::optional<std::string>(fmt::format("archiving {} failed at {}", *table.rows[0][0],
                                                table.rows[0][1].value_or("an unknown time")));
}

}  // namespace walkback::backup
