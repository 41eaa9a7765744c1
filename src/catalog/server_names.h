// Asks a running server what everything is called.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/names.h"
#include "pgconn/connection.h"

namespace walkback::catalog {

// A session with another database of the same server. Called from several threads at once.
using ConnectTo =
    std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>;

// Takes what NamesWriter::add() takes: some relations of a database.
using NamesSink = std::function<Result<void>(NamedDatabase piece)>;

// Without what is in them.
struct Databases {
  NamedDatabase own;  // that the session which listed them is with
  std::vector<NamedDatabase> others;
  std::vector<NamedDatabase> without_sessions;  // which nobody may connect to
};

Result<Databases> list_databases(pgconn::Connection& connection);

// Of all but `own`, a few sessions at a time, the names of one database after those of another. One
// that cannot be asked (no right to connect, a line missing in pg_hba.conf) is among those
// returned, and no error; an error is one of `sink`, which is called in the caller's thread. Memory
// does not grow with their number.
Result<std::vector<std::string>> visit_other_names(const Databases& databases,
                                                   const ConnectTo& connect_to,
                                                   const NamesSink& sink);
// Of `own`, by the session that listed them: a session more takes the server some 20 ms.
Result<void> visit_own_names(const NamedDatabase& own, pgconn::Connection& connection,
                             const NamesSink& sink);

// All of it, of every database.
Result<Names> read_server_names(pgconn::Connection& connection, const ConnectTo& connect_to);

}  // namespace walkback::catalog
