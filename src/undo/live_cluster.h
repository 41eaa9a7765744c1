// The running cluster, and whether it is the one that the repository is about.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "find/relation_names.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::undo {

using Connect =
    std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>;

// A session with database `oid`, under whatever name it has by now; `connect` is asked for `first`
// to find that out. kMissing when there is none. Where its user is a superuser it is one, whatever
// role ALTER DATABASE or ALTER ROLE set; in a database that is SQL_ASCII bytes are as they are
// there.
Result<std::unique_ptr<pgconn::Connection>> connect_to_oid(const Connect& connect,
                                                           const std::string& first, pg::Oid oid);

// Such a session, for as long as a restore takes; none before open(), or where that failed. One
// thread.
class LiveSession {
 public:
  explicit LiveSession(Connect connect) : connect_(std::move(connect)) {}
  Result<void> open(pg::Oid database);
  // Makes it again where it broke meanwhile; of none there stays none.
  Result<void> wake();
  explicit operator bool() const { return session_ != nullptr; }
  pgconn::Connection* get() const { return session_.get(); }
  pgconn::Connection& operator*() const { return *session_; }

 private:
  const Connect connect_;
  pg::Oid database_ = 0;
  std::unique_ptr<pgconn::Connection> session_;
};

// kConflict when the server is of another cluster.
Result<void> check_is_of(pgconn::Connection& live, pg::SystemIdentifier cluster);
// And when it is a standby.
Result<void> check_is_primary_of(pgconn::Connection& live, pg::SystemIdentifier cluster);

// A table that was `oid`, under whatever name; else the table that has its name now.
Result<std::optional<pg::Oid>> table_today(pgconn::Connection& live, pg::Oid oid,
                                           const std::string& schema, const std::string& table);

// Those that fire for what undo creates there: "event trigger guard (ENABLE ALWAYS) fires for what
// …"
Result<std::vector<std::string>> event_triggers_that_fire(pgconn::Connection& live);

// Whether no relation has this name.
Result<bool> is_name_free(pgconn::Connection& live, const std::string& schema,
                          const std::string& name);
// That a table can come back as `as`, whose schema is empty where it stays `schema`: kInvalid when
// there is no such schema, kConflict when the name is taken.
Result<void> check_new_name(pgconn::Connection& live, const find::SchemaAndName& as,
                            const std::string& schema);

}  // namespace walkback::undo
