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
  std::vector<NamedDatabase> with_sessions;
  std::vector<NamedDatabase> without;  // that take no sessions
};

// `connection` may be with any of them.
Result<Databases> list_databases(pgconn::Connection& connection);

// A few sessions at a time, the names of one database after those of another. A database that
// cannot be asked (no right to connect, a line missing in pg_hba.conf) is among those returned, and
// no error; an error is one of `sink`, which is called in the caller's thread. Memory does not grow
// with their number.
Result<std::vector<std::string>> visit_server_names(const Databases& databases,
                                                    const ConnectTo& connect_to,
                                                    const NamesSink& sink);

// All of it, of every database.
Result<Names> read_server_names(pgconn::Connection& connection, const ConnectTo& connect_to);

}  // namespace walkback::catalog
