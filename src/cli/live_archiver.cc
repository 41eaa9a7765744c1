#include "cli/live_archiver.h"

#include <fmt/format.h>

#include "cli/human.h"
#include "pgconn/values.h"

namespace walkback::cli {

namespace {

// A last try that failed, and none that succeeded since. An empty archive_command tries nothing.
constexpr std::string_view kQuery =
    "SELECT pg_is_in_recovery()::text,"
    " (current_setting('archive_mode') = 'off' OR (current_setting('archive_command') = ''"
    "  AND coalesce(current_setting('archive_library', true), '') = ''))::text,"
    " coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL)::text,"
    " coalesce(last_failed_wal, ''),"
    " (extract(epoch FROM last_failed_time) * 1000000)::bigint,"
    " (extract(epoch FROM last_archived_time) * 1000000)::bigint,"
    " CASE WHEN pg_is_in_recovery() THEN '0/0' ELSE pg_current_wal_insert_lsn()::text END"
    " FROM pg_stat_archiver";

std::optional<Timestamp> time(const pgconn::Value& value) {
  if (!value) return std::nullopt;
  return Timestamp{pgconn::number<int64_t>(value)};
}

}  // namespace

Result<std::optional<LiveArchiver>> ask_archiver(pgconn::Connection& connection) {
  const pgconn::Table table = TRY(connection.query(kQuery));
  const pgconn::Row& row = table.rows.at(0);
  if (row.at(0) == "true") return std::optional<LiveArchiver>();
  LiveArchiver archiver;
  archiver.off = row.at(1) == "true";
  archiver.failing = row.at(2) == "true";
  archiver.failed_wal = row.at(3).value_or("");
  archiver.failed_at = time(row.at(4));
  archiver.archived_at = time(row.at(5));
  archiver.written = TRY(pg::Lsn::parse(row.at(6).value_or("0/0")));
  return std::optional(std::move(archiver));
}

std::unique_ptr<pgconn::Connection> connect_at_once(const config::Config& config,
                                                    Session& session) {
  constexpr int kTimeout_s = 3;
  auto connection =
      session.env().connect({.conninfo = config.conninfo, .connect_timeout_s = kTimeout_s});
  return connection.ok() ? *std::move(connection) : nullptr;
}

std::optional<Error> archiving_trouble(const LiveArchiver& archiver) {
  if (!archiver.off && !archiver.failing) return std::nullopt;
  std::string text = archiver.off ? "the server archives nothing: archive_mode or archive_command"
                                  : "the server's archiving fails";
  text += archiver.archived_at ? fmt::format("; the last segment was archived at {}",
                                             local_time(*archiver.archived_at))
                               : "; nothing was archived yet";
  if (!archiver.off && archiver.failed_at) {
    text += fmt::format(", the last try, of {}, failed at {}", printable(archiver.failed_wal),
                        local_time(*archiver.failed_at));
  }
  return make_error(ErrorKind::kIo, std::move(text),
                    "what was done since can be neither found nor recovered: `walkback check` says "
                    "what to do");
}

}  // namespace walkback::cli
