// A session with a PostgreSQL server, over libpq.
//
// libpq and what it links (Kerberos, LDAP, TLS) cost six milliseconds at process start;
// archive_command starts a process for each segment and needs no session. So libpq is loaded with
// dlopen at the first connect().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace walkback::pgconn {

using Value = std::optional<std::string>;  // nothing for NULL
using Row = std::vector<Value>;

struct Table {
  std::vector<std::string> columns;
  std::vector<Row> rows;
};

// One thread at a time. Destroying it ends the session.
class Connection {
 public:
  virtual ~Connection() = default;
  // One statement; parameters are sent apart from it, as text. A server's error is kInvalid
  // (kDenied for a missing privilege, kNoSpace for a full disk there) with its message, detail and
  // SQLSTATE, and its hint; a broken session is kTransient.
  virtual Result<Table> query(std::string_view sql, const std::vector<Value>& parameters = {}) = 0;
  // A COPY … TO STDOUT: gives `take` its bytes as they come, one line of the copy or more at a
  // time, and returns how many rows there were. An error of `take` cancels the statement and is
  // returned; the session stays.
  virtual Result<uint64_t> copy_out(
      std::string_view sql, const std::function<Result<void>(std::string_view bytes)>& take) = 0;
  // Whether the session still stands, asked without a round trip.
  virtual bool alive() = 0;
  virtual int server_version() const = 0;  // as PQserverVersion: 150018
};

struct ConnectOptions {
  std::string conninfo;  // libpq's own form or a URI; empty for its defaults and environment
  std::string database;  // instead of conninfo's, where not empty
  std::string application_name = "walkback";
  int connect_timeout_s = 10;  // for each address tried; a connect_timeout in conninfo wins
};
// Sets search_path to pg_catalog alone, ISO dates, TimeZone UTC, UTF-8, plain transactions and no
// timeouts, so that answers do not depend on the settings of the role, the database or the server,
// and a long backup is not cut off.
// kInvalid for a conninfo that cannot be read, kDenied when the server wants a password that is not
// there, else kTransient. conninfo, which may hold a password, is never in a message.
Result<std::unique_ptr<Connection>> connect(const ConnectOptions& options);

// The only value of a one-row, one-column answer. NULL, and any other shape, is kInvalid.
Result<std::string> query_text(Connection& connection, std::string_view sql,
                               const std::vector<Value>& parameters = {});

}  // namespace walkback::pgconn
