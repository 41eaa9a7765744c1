#include "history/export.h"

#include <charconv>

#include "base/json.h"
#include "base/time_text.h"

namespace walkback::history {

namespace {

// Our sessions have no schema but pg_catalog in their search_path, so it is named.
constexpr const char* kCreate = R"(
CREATE TABLE IF NOT EXISTS public.backup_history (
  cluster      text NOT NULL,
  id           text NOT NULL,
  kind         text NOT NULL,
  host         text NOT NULL,
  outcome      text NOT NULL,
  started_at   timestamptz NOT NULL,
  ended_at     timestamptz,
  duration_s   double precision,
  error        text,
  detail       text NOT NULL,
  backup_type  text,
  timeline     bigint,
  start_lsn    pg_lsn,
  stop_lsn     pg_lsn,
  bytes_raw    bigint,
  bytes_read   bigint,
  bytes_stored bigint,
  location     text,
  PRIMARY KEY (cluster, id)))";

// One statement for all, so that a year of hourly backups is one round trip. Rows that are as they
// were are not written again.
constexpr const char* kUpsert = R"(
WITH written AS (
  INSERT INTO public.backup_history AS old
         (cluster, id, kind, host, outcome, started_at, ended_at, duration_s, error, detail,
          backup_type, timeline, start_lsn, stop_lsn, bytes_raw, bytes_read, bytes_stored, location)
  SELECT $2, id, kind, host, outcome, started_at, ended_at, duration_s, error, detail,
         backup_type, timeline, start_lsn, stop_lsn, bytes_raw, bytes_read, bytes_stored, location
    FROM json_to_recordset($1::json) AS
         event(id text, kind text, host text, outcome text, started_at timestamptz,
               ended_at timestamptz, duration_s double precision, error text, detail text,
               backup_type text, timeline bigint, start_lsn pg_lsn, stop_lsn pg_lsn,
               bytes_raw bigint, bytes_read bigint, bytes_stored bigint, location text)
  ON CONFLICT (cluster, id) DO UPDATE
     SET outcome = EXCLUDED.outcome, ended_at = EXCLUDED.ended_at,
         duration_s = EXCLUDED.duration_s, error = EXCLUDED.error, detail = EXCLUDED.detail,
         backup_type = EXCLUDED.backup_type, timeline = EXCLUDED.timeline,
         start_lsn = EXCLUDED.start_lsn, stop_lsn = EXCLUDED.stop_lsn,
         bytes_raw = EXCLUDED.bytes_raw, bytes_read = EXCLUDED.bytes_read,
         bytes_stored = EXCLUDED.bytes_stored, location = EXCLUDED.location
   WHERE (old.outcome, old.ended_at) IS DISTINCT FROM (EXCLUDED.outcome, EXCLUDED.ended_at)
  RETURNING 1)
SELECT count(*) FROM written)";

Json row_of(const catalog::Event& event) {
  Json row{{"id", event.id},
           {"kind", event.kind},
           {"host", event.host},
           {"outcome", catalog::outcome_name(event)},
           {"started_at", to_iso_utc(event.started_at)},
           {"detail", event.detail}};
  if (!event.error.empty()) row["error"] = event.error;
  if (event.ended_at) {
    row["ended_at"] = to_iso_utc(*event.ended_at);
    row["duration_s"] = std::chrono::duration<double>(*event.ended_at - event.started_at).count();
  }
  if (!event.backup) return row;
  const catalog::BackupSummary& backup = *event.backup;
  row["backup_type"] = catalog::backup_type_name(backup.type);
  row["timeline"] = backup.timeline.value;
  row["start_lsn"] = backup.start_lsn.text();
  row["stop_lsn"] = backup.stop_lsn.text();
  row["bytes_raw"] = backup.bytes_raw;
  row["bytes_read"] = backup.bytes_read;
  row["bytes_stored"] = backup.bytes_stored;
  row["location"] = event.location;
  return row;
}

Result<size_t> write(const std::string& rows, const std::string& cluster,
                     pgconn::Connection& connection) {
  // Two exports at once: IF NOT EXISTS alone can still collide in the catalog.
  TRY(connection.query("SELECT pg_advisory_xact_lock(hashtext('walkback.backup_history'))"));
  TRY(connection.query(kCreate));
  const std::string count = TRY(pgconn::query_text(connection, kUpsert, {rows, cluster}));
  size_t written = 0;
  std::from_chars(count.data(), count.data() + count.size(), written);
  return written;
}

}  // namespace

Result<size_t> export_history(const std::vector<catalog::Event>& events, const std::string& cluster,
                              pgconn::Connection& connection) {
  Json rows = Json::array();
  for (const catalog::Event& event : events) rows.push_back(row_of(event));
  TRY(connection.query("BEGIN"));
  Result<size_t> written = write(to_text(rows), cluster, connection);
  if (!written.ok()) {
    // The server rolls back by itself when this session ends.
    (void)connection.query("ROLLBACK");
    return written;
  }
  TRY(connection.query("COMMIT"));
  return written;
}

}  // namespace walkback::history
