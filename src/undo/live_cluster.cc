#include "undo/live_cluster.h"

#include <fmt/format.h>

namespace walkback::undo {

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
  if (named.rows[0][1] == "t") return session;
  return connect(*named.rows[0][0]);
}

Result<void> check_is_primary_of(pgconn::Connection& live, pg::SystemIdentifier cluster) {
  const std::string system =
      TRY(pgconn::query_text(live, "SELECT system_identifier FROM pg_control_system()"));
  if (system != std::to_string(cluster.value)) {
    return make_error(ErrorKind::kConflict,
                      fmt::format("the running server is another cluster: its system identifier "
                                  "is {}, the repository's {}",
                                  system, cluster.value),
                      "postgresql.conninfo in the configuration says which server is asked");
  }
  if (TRY(pgconn::query_text(live, "SELECT pg_is_in_recovery()")) != "t") return success();
  return make_error(ErrorKind::kConflict,
                    "the running server is a standby: nothing can be given "
                    "back there",
                    "name its primary in postgresql.conninfo");
}

}  // namespace walkback::undo
