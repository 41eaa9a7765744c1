#include "history/export.h"

#include "base/json.h"
#include "base/time_text.h"
#include "pgconn/values.h"

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

// What a table has not that an older walkback made.
constexpr const char* kAddColumns = R"(
ALTER TABLE public.backup_history
  ADD COLUMN IF NOT EXISTS drill_backup      text,
  ADD COLUMN IF NOT EXISTS drill_target      text,
  ADD COLUMN IF NOT EXISTS drill_target_time timestamptz,
  ADD COLUMN IF NOT EXISTS proofs_failed     text,
  ADD COLUMN IF NOT EXISTS restore_s         double precision,
  ADD COLUMN IF NOT EXISTS replay_s          double precision,
  ADD COLUMN IF NOT EXISTS recovery_s        double precision,
  ADD COLUMN IF NOT EXISTS prove_s           double precision,
  ADD COLUMN IF NOT EXISTS bytes_fetched     bigint,
  ADD COLUMN IF NOT EXISTS wal_bytes         bigint)";

// It would wait for whoever reads the table, to change nothing.
constexpr const char* kHasColumns = R"(
SELECT count(*) FROM pg_attribute
 WHERE attrelid = 'public.backup_history'::regclass AND attname = 'recovery_s' AND NOT attisdropped)";

// One statement for all, so that a year of hourly backups is one round trip. Rows that are as they
// were are not written again.
constexpr const char* kUpsert = R"(
WITH written AS (
  INSERT INTO public.backup_history AS old
         (cluster, id, kind, host, outcome, started_at, ended_at, duration_s, error, detail,
          backup_type, timeline, start_lsn, stop_lsn, bytes_raw, bytes_read, bytes_stored, location,
          drill_backup, drill_target, drill_target_time, proofs_failed, restore_s, replay_s,
          recovery_s, prove_s, bytes_fetched, wal_bytes)
  SELECT $2, id, kind, host, outcome, started_at, ended_at, duration_s, error, detail,
         backup_type, timeline, start_lsn, stop_lsn, bytes_raw, bytes_read, bytes_stored, location,
         drill_backup, drill_target, drill_target_time, proofs_failed, restore_s, replay_s,
         recovery_s, prove_s, bytes_fetched, wal_bytes
    FROM json_to_recordset($1::json) AS
         event(id text, kind text, host text, outcome text, started_at timestamptz,
               ended_at timestamptz, duration_s double precision, error text, detail text,
               backup_type text, timeline bigint, start_lsn pg_lsn, stop_lsn pg_lsn,
               bytes_raw bigint, bytes_read bigint, bytes_stored bigint, location text,
               drill_backup text, drill_target text, drill_target_time timestamptz,
               proofs_failed text, restore_s double precision, replay_s double precision,
               recovery_s double precision, prove_s double precision, bytes_fetched bigint,
               wal_bytes bigint)
  ON CONFLICT (cluster, id) DO UPDATE
     SET outcome = EXCLUDED.outcome, ended_at = EXCLUDED.ended_at,
         duration_s = EXCLUDED.duration_s, error = EXCLUDED.error, detail = EXCLUDED.detail,
         backup_type = EXCLUDED.backup_type, timeline = EXCLUDED.timeline,
         start_lsn = EXCLUDED.start_lsn, stop_lsn = EXCLUDED.stop_lsn,
         bytes_raw = EXCLUDED.bytes_raw, bytes_read = EXCLUDED.bytes_read,
         bytes_stored = EXCLUDED.bytes_stored, location = EXCLUDED.location,
         drill_backup = EXCLUDED.drill_backup, drill_target = EXCLUDED.drill_target,
         drill_target_time = EXCLUDED.drill_target_time,
         proofs_failed = EXCLUDED.proofs_failed, restore_s = EXCLUDED.restore_s,
         replay_s = EXCLUDED.replay_s, recovery_s = EXCLUDED.recovery_s,
         prove_s = EXCLUDED.prove_s, bytes_fetched = EXCLUDED.bytes_fetched,
         wal_bytes = EXCLUDED.wal_bytes
   WHERE (old.outcome, old.ended_at, old.recovery_s)
         IS DISTINCT FROM (EXCLUDED.outcome, EXCLUDED.ended_at, EXCLUDED.recovery_s)
  RETURNING 1)
SELECT count(*) FROM written)";

void add_drill(const catalog::DrillSummary& drill, Json& row) {
  row["drill_backup"] = drill.backup.text;
  row["drill_target"] = drill.target;
  if (drill.target_time) row["drill_target_time"] = to_iso_utc(*drill.target_time);
  std::string failed;
  for (const catalog::DrillSummary::Proof& proof : drill.proofs) {
    if (proof.outcome != catalog::ProofOutcome::kFailed) continue;
    failed += (failed.empty() ? "" : ", ") + proof.name;
  }
  if (!failed.empty()) row["proofs_failed"] = failed;
  row["timeline"] = drill.timeline.value;
  row["stop_lsn"] = drill.target_lsn.text();
  row["restore_s"] = drill.restore_s;
  row["replay_s"] = drill.replay_s;
  row["recovery_s"] = drill.recovery_s();
  row["prove_s"] = drill.prove_s;
  row["bytes_fetched"] = drill.bytes_fetched;
  row["wal_bytes"] = drill.wal_bytes;
}

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
  if (event.drill) add_drill(*event.drill, row);
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
  if (TRY(pgconn::query_text(connection, kHasColumns)) == "0") {
    TRY(connection.query(kAddColumns));
  }
  return pgconn::number<size_t>(TRY(pgconn::query_text(connection, kUpsert, {rows, cluster})));
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
