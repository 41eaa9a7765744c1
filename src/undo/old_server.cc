#include "undo/old_server.h"

#include <fmt/format.h>

#include "restore/server.h"
#include "undo/live_cluster.h"

namespace walkback::undo {

Result<std::unique_ptr<pgconn::Connection>> scratch_session(const scratch::ScratchServer& server,
                                                            pg::Oid database) {
  const auto connect = [&](const std::string& name) { return server.connect(name); };
  // There in every cluster, and nobody is kept out of it.
  std::unique_ptr<pgconn::Connection> session = TRY(connect_to_oid(connect, "template1", database));
  TRY(settle(*session));
  return session;
}

Result<void> settle(pgconn::Connection& session) {
  // Who waits for a lock on a server that stands still would wait for ever.
  TRY(session.query("SET lock_timeout = '30s'"));
  TRY(session.query("SET lc_monetary = 'C'"));
  TRY(session.query("SET row_security = off"));
  return success();
}

Result<void> roll_back_prepared(pgconn::Connection& session, std::optional<pg::Xid> only) {
  const pgconn::Value xid = only ? pgconn::Value(std::to_string(*only)) : pgconn::Value();
  const pgconn::Table prepared =
      TRY(session.query("SELECT format('ROLLBACK PREPARED %L', gid) FROM pg_prepared_xacts"
                        " WHERE database = current_database()"
                        " AND ($1::text IS NULL OR transaction = $1::text::xid)",
                        {xid}));
  for (const pgconn::Row& row : prepared.rows) TRY(session.query(*row[0]));
  return success();
}

std::string dump_conninfo(const scratch::ScratchServer& server, const std::string& database) {
  // Beside those that pg_dump sets itself (setup_connection() in src/bin/pg_dump/pg_dump.c).
  return server.conninfo(database,
                         {"lc_monetary=C", "quote_all_identifiers=off", "statement_timeout=0",
                          "standard_conforming_strings=on", "bytea_output=hex"});
}

Result<std::string> find_pg_dump(const std::string& binaries, int major, FileSystem& files) {
  const std::string pg_dump =
      join_path(TRY(restore::find_server_binaries(binaries, major)), "pg_dump");
  if (TRY(files.status(pg_dump))) return pg_dump;
  return make_error(ErrorKind::kMissing,
                    fmt::format("there is no {}, which says what tables are made of", pg_dump),
                    fmt::format("Debian: apt-get install postgresql-client-{}", major));
}

}  // namespace walkback::undo
