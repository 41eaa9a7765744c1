#include "setup/server_settings.h"

#include <fmt/format.h>

namespace walkback::setup {

namespace {

// At most a minute of an idle cluster's commits is not archived yet.
constexpr int kDefaultArchiveTimeout_s = 60;

Result<std::string> stored_setting(pgconn::Connection& connection, const std::string& name) {
  // archive_timeout in seconds as it is stored, not "1min".
  return pgconn::query_text(connection, "SELECT setting FROM pg_settings WHERE name = $1", {name});
}

Result<std::string> wanted_archive_timeout(std::optional<int> asked_s,
                                           pgconn::Connection& connection) {
  if (asked_s) return fmt::format("{}", *asked_s);
  std::string servers = TRY(stored_setting(connection, "archive_timeout"));
  return servers == "0" ? fmt::format("{}", kDefaultArchiveTimeout_s) : servers;
}

// What the configuration files say now, whether or not the server acts on it: the last line wins.
// Not everybody may see it: then nothing is known to wait.
Result<std::string> setting_in_files(pgconn::Connection& connection, const std::string& name) {
  const auto table = connection.query(
      "SELECT setting FROM pg_file_settings WHERE name = $1 ORDER BY seqno DESC LIMIT 1", {name});
  if (!table.ok() && table.error().kind != ErrorKind::kDenied) return table.error();
  return !table.ok() || table->rows.empty() ? std::string() : table->rows[0][0].value_or("");
}

}  // namespace

Result<std::string> current_setting(pgconn::Connection& connection, const std::string& name) {
  return pgconn::query_text(connection, "SELECT coalesce(current_setting($1, true), '')", {name});
}

Result<std::vector<ServerSetting>> wanted_settings(const catalog::ProgramCall& call,
                                                   std::optional<int> archive_timeout_s,
                                                   pgconn::Connection& connection) {
  const std::string command = catalog::archive_command(call);
  const std::string archive_timeout = TRY(wanted_archive_timeout(archive_timeout_s, connection));
  std::vector<ServerSetting> settings = {
      {.name = "archive_mode", .wanted = "on", .current = "", .needs_restart = true},
      {.name = "archive_command", .wanted = command, .current = ""},
      {.name = "archive_timeout", .wanted = archive_timeout, .current = ""},
  };
  if (TRY(current_setting(connection, "wal_level")) == "minimal") {
    settings.push_back(
        {.name = "wal_level", .wanted = "replica", .current = "", .needs_restart = true});
  }
  // 15 and later: a library takes precedence over the command, and from 16 both at once are an
  // error.
  if (!TRY(current_setting(connection, "archive_library")).empty()) {
    settings.push_back({.name = "archive_library", .wanted = "", .current = ""});
  }
  return settings;
}

Result<void> read_current(pgconn::Connection& connection, std::vector<ServerSetting>& settings) {
  for (ServerSetting& setting : settings) {
    setting.current = TRY(stored_setting(connection, setting.name));
    // always serves as well as on.
    if (setting.name == "archive_mode" && setting.current == "always") setting.current = "on";
    // So a server shows its command while archive_mode is off (show_archive_command, xlog.c).
    if (setting.current == "(disabled)") {
      setting.current = TRY(setting_in_files(connection, setting.name));
    }
    setting.pending = setting.needs_restart && !setting.satisfied() &&
                      TRY(setting_in_files(connection, setting.name)) == setting.wanted;
  }
  return success();
}

bool archives_elsewhere(const ServerSetting& setting) {
  if (setting.satisfied()) return false;
  if (setting.name == "archive_library") return true;
  if (setting.name != "archive_command") return false;
  return catalog::is_foreign_archive_command(setting.current) ||
         catalog::are_two_archives(setting.current, setting.wanted);
}

}  // namespace walkback::setup
