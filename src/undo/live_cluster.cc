#include "undo/live_cluster.h"

#include <fmt/format.h>

#include "undo/table_shape.h"

namespace walkback::undo {

namespace {

constexpr std::string_view kAsItsUser =
    "SELECT set_config('role', 'none', false) FROM pg_roles s, pg_roles c"
    " WHERE s.rolname = session_user AND s.rolsuper"
    " AND c.rolname = current_user AND NOT c.rolsuper";
// Nobody knows which characters they are: in UTF-8 the server refuses what is none.
constexpr std::string_view kBytesAsTheyAre =
    "SELECT set_config('client_encoding', 'SQL_ASCII', false)"
    " WHERE current_setting('server_encoding') = 'SQL_ASCII'";

}  // namespace

Result<std::unique_ptr<pgconn::Connection>> connect_to_oid(const Connect& connect,
                                                           const std::string& first, pg::Oid oid) {
  std::unique_ptr<pgconn::Connection> session = TRY(connect(first));
  const pgconn::Table named =
      TRY(session->query("SELECT datname, datname = current_database() FROM pg_database"
                         " WHERE oid = $1::oid",
                         {std::to_string(oid)}));
  if (named.rows.empty()) {
    return make_error(ErrorKind::kMissing, fmt::format("database {} is not there any more", oid),
                      "`walkback recover --before-xid` gives back what was in it");
  }
  if (named.rows[0][1] != "t") session = TRY(connect(*named.rows[0][0]));
  TRY(session->query(kAsItsUser));
  TRY(session->query(kBytesAsTheyAre));
  return session;
}

Result<void> LiveSession::open(pg::Oid database) {
  database_ = database;
  session_ = TRY(connect_to_oid(connect_, "", database_));
  return success();
}

Result<void> LiveSession::wake() {
  if (!session_ || session_->alive()) return success();
  return open(database_);
}

Result<void> check_is_of(pgconn::Connection& live, pg::SystemIdentifier cluster) {
  const std::string system =
      TRY(pgconn::query_text(live, "SELECT system_identifier FROM pg_control_system()"));
  if (system == std::to_string(cluster.value)) return success();
  return make_error(ErrorKind::kConflict,
                    fmt::format("the running server is another cluster: its system identifier "
                                "is {}, the repository's {}",
                                system, cluster.value),
                    "postgresql.conninfo in the configuration says which server is asked");
}

Result<void> check_is_primary_of(pgconn::Connection& live, pg::SystemIdentifier cluster) {
  TRY(check_is_of(live, cluster));
  if (TRY(pgconn::query_text(live, "SELECT pg_is_in_recovery()")) != "t") return success();
  return make_error(ErrorKind::kConflict,
                    "the running server is a standby: nothing can be given "
                    "back there",
                    "name its primary in postgresql.conninfo");
}

Result<std::optional<pg::Oid>> table_today(pgconn::Connection& live, pg::Oid oid,
                                           const std::string& schema, const std::string& table) {
  const pgconn::Table same = TRY(live.query(
      "SELECT FROM pg_class WHERE oid = $1::oid AND relkind IN ('r', 'p')", {std::to_string(oid)}));
  if (!same.rows.empty()) return std::optional(oid);
  return find_table(live, schema, table);
}

Result<std::vector<std::string>> event_triggers_that_fire(pgconn::Connection& live) {
  const pgconn::Table rows =
      TRY(live.query("SELECT format('event trigger %s (ENABLE %s) fires for what undo creates, "
                     "temporary tables too', evtname, CASE evtenabled WHEN 'A' THEN 'ALWAYS'"
                     " ELSE 'REPLICA' END) FROM pg_event_trigger WHERE evtenabled IN ('A', 'R')"
                     " AND evtevent IN ('ddl_command_start', 'ddl_command_end') ORDER BY evtname"));
  std::vector<std::string> fire;
  for (const pgconn::Row& row : rows.rows) fire.push_back(*row[0]);
  return fire;
}

Result<bool> is_name_free(pgconn::Connection& live, const std::string& schema,
                          const std::string& name) {
  const pgconn::Table there =
      TRY(live.query("SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE n.nspname = $1 AND c.relname = $2",
                     {schema, name}));
  return there.rows.empty();
}

Result<void> check_new_name(pgconn::Connection& live, const find::SchemaAndName& as,
                            const std::string& schema) {
  if (!as.schema.empty() &&
      TRY(live.query("SELECT FROM pg_namespace WHERE nspname = $1", {as.schema})).rows.empty()) {
    return make_error(ErrorKind::kInvalid, fmt::format("--as: there is no schema {}", as.schema),
                      "CREATE SCHEMA makes it");
  }
  const std::string& home = as.schema.empty() ? schema : as.schema;
  if (TRY(is_name_free(live, home, as.name))) return success();
  return make_error(ErrorKind::kConflict,
                    fmt::format("--as: {}.{} is there already", home, as.name),
                    "another name, or another schema: --as SCHEMA.NAME");
}

}  // namespace walkback::undo
