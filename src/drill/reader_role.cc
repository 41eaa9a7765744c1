#include "drill/reader_role.h"

#include <fmt/format.h>

namespace walkback::drill {

namespace {

// The cluster has no such role, whatever it has.
constexpr const char* kNewName =
    "SELECT 'walkback_reader_' || left(md5(clock_timestamp()::text || pg_backend_pid()), 16)";

// From here on pg_read_all_data is there (src/include/catalog/pg_authid.dat).
constexpr int kHasReadAllData = 140000;

// Event triggers of the cluster's have no say in what is granted, nor a part in it.
constexpr const char* kWithoutTriggers = "SET session_replication_role = replica";
constexpr const char* kWithTriggers = "RESET session_replication_role";

// Both answer with statements; plpgsql need not be there.
//
// What pg_read_all_data has, object by object.
constexpr const char* kReadEachTable =
    "SELECT format(f, nspname) FROM pg_namespace,"
    " (VALUES ('GRANT USAGE ON SCHEMA %I TO {0}'),"
    " ('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO {0}'),"
    " ('GRANT SELECT ON ALL SEQUENCES IN SCHEMA %I TO {0}')) AS grants(f)"
    " WHERE nspname !~ '^pg_(toast|temp_)'";

// A function that runs with its caller's rights, in a language that cannot leave the server, gives
// nothing that the caller has not. amcheck's read.
constexpr const char* kCallHarmlessFunctions =
    "SELECT format('GRANT EXECUTE ON ROUTINE %s TO {0}', p.oid::regprocedure) FROM pg_proc p"
    " JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"
    " WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_temp_'"
    " AND NOT p.prosecdef AND NOT has_function_privilege('{0}', p.oid, 'EXECUTE')"
    " AND (l.lanpltrusted OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e"
    "  ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid"
    "  WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'"
    "  AND e.extname = 'amcheck'))";

// "$user" names the superuser, as before.
constexpr const char* kSearchPath =
    "SELECT pg_catalog.set_config('search_path', pg_catalog.replace("
    "pg_catalog.current_setting('search_path'), '\"$user\"', pg_catalog.quote_ident(session_user)),"
    " false)";

Result<void> do_all(pgconn::Connection& session, const std::string& statements) {
  const pgconn::Table table = TRY(session.query(statements));
  for (const pgconn::Row& row : table.rows) TRY(session.query(row.at(0).value_or("")));
  return success();
}

}  // namespace

Result<ReaderRole> ReaderRole::make(const Connect& connect) {
  const std::unique_ptr<pgconn::Connection> session = TRY(connect("postgres"));
  const std::string name = TRY(pgconn::query_text(*session, kNewName));
  TRY(session->query(fmt::format("CREATE ROLE {} NOLOGIN BYPASSRLS", name)));
  TRY(session->query(fmt::format("GRANT pg_monitor TO {}", name)));
  if (session->server_version() >= kHasReadAllData) {
    TRY(session->query(fmt::format("GRANT pg_read_all_data TO {}", name)));
  }
  return ReaderRole(connect, name);
}

Result<void> ReaderRole::let_in(const std::string& database, pgconn::Connection& session) {
  if (databases_.contains(database)) return success();
  TRY(session.query(kWithoutTriggers));
  if (session.server_version() < kHasReadAllData) {
    TRY(do_all(session, fmt::format(kReadEachTable, name_)));
  }
  TRY(do_all(session, fmt::format(kCallHarmlessFunctions, name_)));
  TRY(session.query(kWithTriggers));
  databases_.insert(database);
  return success();
}

// It need not be let in by pg_hba.conf, nor by the database: a superuser's session becomes its.
Result<std::unique_ptr<pgconn::Connection>> ReaderRole::connect(const std::string& database) {
  std::unique_ptr<pgconn::Connection> session = TRY(connect_(database));
  TRY(let_in(database, *session));
  TRY(session->query("RESET search_path"));
  TRY(session->query(kSearchPath));
  TRY(session->query("SET lo_compat_privileges = on"));
  TRY(session->query(fmt::format("SET SESSION AUTHORIZATION {}", name_)));
  TRY(session->query("BEGIN READ ONLY"));
  // After the first question nobody can make it one that writes.
  TRY(session->query("SELECT 1"));
  return session;
}

void ReaderRole::remove() {
  std::set<std::string> databases = databases_;
  databases.insert("postgres");
  for (const std::string& database : databases) {
    const auto session = connect_(database);
    if (!session.ok()) continue;
    (void)(*session)->query(kWithoutTriggers);
    (void)(*session)->query("DROP OWNED BY " + name_);
    // Which only the last of them can: until then it has something elsewhere.
    (void)(*session)->query("DROP ROLE " + name_);
  }
}

}  // namespace walkback::drill
