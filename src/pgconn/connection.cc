#include "pgconn/connection.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <functional>

#include "pgconn/libpq.h"
#include "pgconn/values.h"

namespace walkback::pgconn {

namespace {

// libpq's messages have several lines, indented by tabs, and end in a newline; ours have one.
std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (!line.empty() && line.back() != ' ') line += ' ';
    } else {
      line += c;
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

using ResultHandle = std::unique_ptr<PGresult, std::function<void(PGresult*)>>;
using SessionHandle = std::unique_ptr<PGconn, std::function<void(PGconn*)>>;

// src/backend/utils/errcodes.txt
ErrorKind kind_of_sqlstate(std::string_view sqlstate) {
  if (sqlstate == "42501") return ErrorKind::kDenied;   // insufficient_privilege
  if (sqlstate == "53100") return ErrorKind::kNoSpace;  // disk_full
  return ErrorKind::kInvalid;
}

class LibpqConnection final : public Connection {
 public:
  LibpqConnection(const Libpq& libpq, SessionHandle session)
      : libpq_(libpq), session_(std::move(session)) {}

  Result<Table> query(std::string_view sql, const std::vector<Value>& parameters) override;
  Result<uint64_t> copy_out(
      std::string_view sql,
      const std::function<Result<void>(std::string_view bytes)>& take) override;
  bool alive() override;
  int server_version() const override { return libpq_.PQserverVersion(session_.get()); }

  // Several statements that answer with nothing we look at.
  Result<void> execute(const char* sql) {
    ResultHandle answer = own(libpq_.PQexec(session_.get(), sql));
    if (!answered(answer)) return failure(answer);
    return success();
  }

 private:
  ResultHandle own(PGresult* result) { return {result, libpq_.PQclear}; }
  bool answered(const ResultHandle& answer) const {
    ExecStatusType status = libpq_.PQresultStatus(answer.get());
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
  }
  std::string field(const ResultHandle& answer, int code) const {
    const char* text = libpq_.PQresultErrorField(answer.get(), code);
    return text == nullptr ? std::string() : one_line(text);
  }
  Error failure(const ResultHandle& answer) const;
  Table table(const ResultHandle& answer) const;
  void cancel();

  const Libpq& libpq_;
  SessionHandle session_;
};

Error LibpqConnection::failure(const ResultHandle& answer) const {
  if (libpq_.PQstatus(session_.get()) != CONNECTION_OK) {
    return make_error(ErrorKind::kTransient, "the session with PostgreSQL broke: " +
                                                 one_line(libpq_.PQerrorMessage(session_.get())));
  }
  std::string sqlstate = field(answer, PG_DIAG_SQLSTATE);
  if (sqlstate.empty()) {  // libpq's own complaint: out of memory, COPY, which we never ask for
    return make_error(ErrorKind::kInvalid,
                      "PostgreSQL: " + one_line(libpq_.PQresultErrorMessage(answer.get())));
  }
  std::string message = "PostgreSQL: " + field(answer, PG_DIAG_MESSAGE_PRIMARY);
  std::string detail = field(answer, PG_DIAG_MESSAGE_DETAIL);
  if (!detail.empty()) message += ": " + detail;
  message += " (SQLSTATE " + sqlstate + ")";
  return make_error(kind_of_sqlstate(sqlstate), message, field(answer, PG_DIAG_MESSAGE_HINT));
}

Table LibpqConnection::table(const ResultHandle& answer) const {
  Table table;
  const PGresult* result = answer.get();
  const int columns = libpq_.PQnfields(result);
  for (int column = 0; column < columns; ++column) {
    table.columns.emplace_back(libpq_.PQfname(result, column));
  }
  for (int row = 0; row < libpq_.PQntuples(result); ++row) {
    Row values;
    for (int column = 0; column < columns; ++column) {
      if (libpq_.PQgetisnull(result, row, column) != 0) {
        values.emplace_back();
      } else {
        values.emplace_back(
            std::string(libpq_.PQgetvalue(result, row, column),
                        static_cast<size_t>(libpq_.PQgetlength(result, row, column))));
      }
    }
    table.rows.push_back(std::move(values));
  }
  return table;
}

Result<Table> LibpqConnection::query(std::string_view sql, const std::vector<Value>& parameters) {
  std::vector<const char*> values;
  for (const Value& value : parameters) values.push_back(value ? value->c_str() : nullptr);
  ResultHandle answer = own(
      libpq_.PQexecParams(session_.get(), std::string(sql).c_str(), static_cast<int>(values.size()),
                          nullptr, values.data(), nullptr, nullptr, /*resultFormat=*/0));
  if (!answered(answer)) return failure(answer);
  return table(answer);
}

Result<uint64_t> LibpqConnection::copy_out(
    std::string_view sql, const std::function<Result<void>(std::string_view bytes)>& take) {
  PGconn* session = session_.get();
  ResultHandle answer = own(libpq_.PQexecParams(session, std::string(sql).c_str(), 0, nullptr,
                                                nullptr, nullptr, nullptr, /*resultFormat=*/0));
  if (libpq_.PQresultStatus(answer.get()) != PGRES_COPY_OUT) {
    if (!answered(answer)) return failure(answer);
    return make_error(ErrorKind::kInvalid, "PostgreSQL: this copies nothing out");
  }
  Result<void> taken = success();
  char* bytes = nullptr;
  int size = 0;
  while ((size = libpq_.PQgetCopyData(session, &bytes, /*async=*/0)) > 0) {
    if (taken.ok()) {
      taken = take({bytes, static_cast<size_t>(size)});
      if (!taken.ok()) cancel();
    }
    libpq_.PQfreemem(bytes);
  }
  answer = own(libpq_.PQgetResult(session));
  // Until there is none, no other statement can be sent.
  while (ResultHandle more = own(libpq_.PQgetResult(session))) {
  }
  if (!taken.ok()) return std::move(taken).error();
  if (!answered(answer)) return failure(answer);
  return number<uint64_t>(std::string(libpq_.PQcmdTuples(answer.get())));
}

// Of the statement that runs; whether it was reached in time, its answer tells.
void LibpqConnection::cancel() {
  PGcancel* cancel = libpq_.PQgetCancel(session_.get());
  if (cancel == nullptr) return;
  char ignored[256];
  libpq_.PQcancel(cancel, ignored, sizeof ignored);
  libpq_.PQfreeCancel(cancel);
}

bool LibpqConnection::alive() {
  if (libpq_.PQstatus(session_.get()) != CONNECTION_OK) return false;
  // Between statements a server says little: a setting reported, or a farewell and then the end,
  // which is seen only after the farewell was read.
  pollfd socket{libpq_.PQsocket(session_.get()), POLLIN, 0};
  while (poll(&socket, 1, 0) > 0) {
    if (libpq_.PQconsumeInput(session_.get()) == 0) return false;
  }
  return libpq_.PQstatus(session_.get()) == CONNECTION_OK;
}

void ignore_notice(void*, const PGresult*) {}

bool may_hold_secret(std::string_view conninfo) {
  std::string lower(conninfo);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower.find("pass") != std::string::npos || lower.find("://") != std::string::npos;
}

// libpq's complaint about a conninfo quotes pieces of it: "missing "=" after "tiger"".
Result<void> check_conninfo(const Libpq& libpq, const std::string& conninfo) {
  bool has_form =
      conninfo.find('=') != std::string::npos || conninfo.find("://") != std::string::npos;
  if (!has_form) return success();  // a database's name, or nothing
  char* complaint = nullptr;
  PQconninfoOption* options = libpq.PQconninfoParse(conninfo.c_str(), &complaint);
  if (options != nullptr) {
    libpq.PQconninfoFree(options);
    return success();
  }
  std::string message = "the connection string cannot be read";
  if (complaint != nullptr && !may_hold_secret(conninfo)) message += ": " + one_line(complaint);
  if (complaint != nullptr) libpq.PQfreemem(complaint);
  return make_error(
      ErrorKind::kInvalid, message,
      "write conninfo as libpq reads it: 'host=/var/run/postgresql port=5432 user=postgres'; "
      "values with spaces in single quotes");
}

Error connect_error(const Libpq& libpq, PGconn* session) {
  if (session == nullptr) return make_error(ErrorKind::kTransient, "libpq: out of memory");
  std::string message = "PostgreSQL: " + one_line(libpq.PQerrorMessage(session));
  if (libpq.PQconnectionNeedsPassword(session) != 0) {
    return make_error(ErrorKind::kDenied, message,
                      "name a password file with passfile=… in conninfo, or set PGPASSFILE");
  }
  return make_error(ErrorKind::kTransient, message,
                    "check that the server runs, and host, port and user in conninfo");
}

// Fixed, whatever the role, the database or postgresql.conf say. One message is one transaction,
// and it begins with the defaults that this changes: so there are only SETs in it, which take no
// snapshot. A SELECT among them would fail in a hot standby whose default is "serializable".
constexpr std::string_view kSessionSettings =
    "SET default_transaction_isolation = 'read committed';"
    "SET default_transaction_read_only = off;"
    "SET default_transaction_deferrable = off;"
    "SET lock_timeout = 0;"
    "SET idle_in_transaction_session_timeout = 0;"
    "SET search_path = pg_catalog;"
    "SET DateStyle = 'ISO, YMD';"
    "SET IntervalStyle = 'postgres';"
    "SET TimeZone = 'UTC';"
    "SET bytea_output = 'hex';"
    "SET extra_float_digits = 1;"
    "SET quote_all_identifiers = off;"
    "SET standard_conforming_strings = on;"
    "SET row_security = on;"
    "SET client_min_messages = warning;";

std::string session_settings(int server_version) {
  std::string settings(kSessionSettings);
  if (server_version >= 140000) settings += "SET idle_session_timeout = 0;";
  return settings;
}

// A time limit of a millisecond ends the very statement that lifts it, when the server is slow that
// moment: so it stands alone, and is tried again.
Result<void> lift_time_limits(LibpqConnection& connection) {
  constexpr int kMostTries = 20;
  const char* lift = connection.server_version() >= 170000
                         ? "SET transaction_timeout = 0; SET statement_timeout = 0"
                         : "SET statement_timeout = 0";
  Result<void> lifted = connection.execute(lift);
  for (int tries = 1; !lifted.ok() && connection.alive() && tries < kMostTries; ++tries) {
    lifted = connection.execute(lift);
  }
  return lifted;
}

Result<void> prepare(LibpqConnection& connection) {
  TRY(lift_time_limits(connection));
  return connection.execute(session_settings(connection.server_version()).c_str());
}

}  // namespace

Result<std::unique_ptr<Connection>> connect(const ConnectOptions& options) {
  const Libpq& libpq = *TRY(load_libpq());
  TRY(check_conninfo(libpq, options.conninfo));
  const std::string timeout = std::to_string(options.connect_timeout_s);
  // In order: a later one wins, and the first "dbname" is expanded where it stands.
  const char* database = options.database.empty() ? nullptr : "dbname";
  const char* keywords[] = {"connect_timeout", "fallback_application_name",
                            "dbname",          "client_encoding",
                            database,          nullptr};
  const char* values[] = {timeout.c_str(),          options.application_name.c_str(),
                          options.conninfo.c_str(), "UTF8",
                          options.database.c_str(), nullptr};
  SessionHandle session(libpq.PQconnectdbParams(keywords, values, /*expand_dbname=*/1),
                        libpq.PQfinish);
  if (session == nullptr || libpq.PQstatus(session.get()) != CONNECTION_OK) {
    return connect_error(libpq, session.get());
  }
  libpq.PQsetNoticeReceiver(session.get(), ignore_notice, nullptr);
  auto connection = std::make_unique<LibpqConnection>(libpq, std::move(session));
  TRY_CONTEXT(prepare(*connection), "preparing the session");
  return std::unique_ptr<Connection>(std::move(connection));
}

Result<std::string> query_text(Connection& connection, std::string_view sql,
                               const std::vector<Value>& parameters) {
  Table table = TRY(connection.query(sql, parameters));
  bool single = table.rows.size() == 1 && table.rows[0].size() == 1 && table.rows[0][0].has_value();
  if (!single) {
    return make_error(ErrorKind::kInvalid,
                      "PostgreSQL did not answer with one value to: " + one_line(sql));
  }
  return std::move(*table.rows[0][0]);
}

}  // namespace walkback::pgconn
