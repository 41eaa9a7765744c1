#include "health/server_facts.h"

#include <fmt/format.h>

#include "pgconn/values.h"

namespace walkback::health {

namespace {

using pgconn::number;

constexpr int kStatementTimeout_ms = 10'000;

// Times as microseconds since 1970, which no setting changes. The timeline of a primary is that of
// the segment it writes: pg_control has the new one only after the checkpoint that follows a
// promotion.
constexpr std::string_view kServer = R"(
SELECT s.system_identifier::text, pg_is_in_recovery()::text,
       CASE WHEN pg_is_in_recovery() THEN c.timeline_id::text
            ELSE ('x' || lpad(substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8), 16, '0'))
                   ::bit(64)::bigint::text END,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
            ELSE pg_current_wal_lsn() END::text,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text
  FROM pg_control_system() s, pg_control_checkpoint() c)";

// archive_library is there since 15.
constexpr std::string_view kArchiver = R"(
SELECT current_setting('archive_mode'),
       (SELECT coalesce(bool_or(setting <> ''), true)
          FROM pg_settings WHERE name IN ('archive_command', 'archive_library'))::text,
       (SELECT setting FROM pg_settings WHERE name = 'archive_timeout'),
       coalesce(last_archived_wal, ''),
       (extract(epoch FROM last_archived_time) * 1000000)::bigint::text,
       coalesce(last_failed_wal, ''),
       (extract(epoch FROM last_failed_time) * 1000000)::bigint::text,
       failed_count::text,
       (SELECT pending_restart FROM pg_settings WHERE name = 'archive_mode')::text
  FROM pg_stat_archiver)";

constexpr std::string_view kSlots = R"(
SELECT slot_name, active::text, greatest(pg_wal_lsn_diff($1::pg_lsn, restart_lsn), 0)::bigint::text,
       (wal_status = 'lost')::text
  FROM pg_replication_slots ORDER BY 1)";

std::optional<Timestamp> time_of(const pgconn::Value& value) {
  if (!value) return std::nullopt;
  return Timestamp{number<int64_t>(value)};
}

Result<pgconn::Row> only_row(pgconn::Connection& connection, std::string_view sql) {
  pgconn::Table table = TRY(connection.query(sql));
  if (table.rows.size() == 1) return std::move(table.rows.front());
  return make_error(ErrorKind::kInvalid, "the server's answer is not one row");
}

Result<ArchiverFacts> read_archiver(pgconn::Connection& connection) {
  const pgconn::Row row = TRY(only_row(connection, kArchiver));
  ArchiverFacts archiver;
  archiver.on = row[0].value_or("on") != "off";
  archiver.has_command = row[1].value_or("true") == "true";
  archiver.timeout = std::chrono::seconds(number<int64_t>(row[2]));
  archiver.last_archived = row[3].value_or("");
  archiver.last_archived_at = time_of(row[4]);
  archiver.last_failed = row[5].value_or("");
  archiver.last_failed_at = time_of(row[6]);
  archiver.failures = number<uint64_t>(row[7]);
  archiver.waits_for_restart = !archiver.on && row[8].value_or("") == "true";
  return archiver;
}

Result<std::vector<SlotFacts>> read_slots(pgconn::Connection& connection, pg::Lsn wal_end) {
  std::vector<SlotFacts> slots;
  for (const pgconn::Row& row : TRY(connection.query(kSlots, {wal_end.text()})).rows) {
    slots.push_back({row[0].value_or(""), row[1].value_or("") == "true", number<uint64_t>(row[2]),
                     row[3].value_or("") == "true"});
  }
  return slots;
}

}  // namespace

Result<ServerFacts> read_server(pgconn::Connection& connection, Clock& clock) {
  TRY(connection.query(fmt::format("SET statement_timeout = {}", kStatementTimeout_ms)));
  const Timestamp before = clock.now();
  const pgconn::Row row = TRY(only_row(connection, kServer));
  const Timestamp after = clock.now();
  ServerFacts server;
  server.system_identifier = {static_cast<uint64_t>(number<int64_t>(row[0]))};
  server.version_num = connection.server_version();
  server.in_recovery = row[1].value_or("") == "true";
  server.timeline = {number<uint32_t>(row[2])};
  if (row[3]) server.wal_end = TRY(pg::Lsn::parse(*row[3]));
  server.clock = {number<int64_t>(row[4])};
  // It read its clock somewhere between our two looks at ours: what it may have been then is no
  // difference.
  if (server.clock > after) server.ahead = server.clock - after;
  if (server.clock < before) server.ahead = server.clock - before;
  server.archiver = TRY(read_archiver(connection));
  server.slots = TRY(read_slots(connection, server.wal_end));
  return server;
}

}  // namespace walkback::health
