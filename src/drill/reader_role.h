// The role that asks the user's questions: it can read everything, and do nothing else.
//
// A read-only transaction is not enough: COPY … TO PROGRAM, TO a file, lo_export() and their like
// are allowed in one, to a superuser.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "pgconn/connection.h"

namespace walkback::drill {

// As a superuser of a server that is there for us alone.
using Connect =
    std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>;

class ReaderRole {
 public:
  static Result<ReaderRole> make(const Connect& connect);

  // A session in a transaction that cannot write, as this role, with the settings that a
  // superuser finds in that database: row security does not hide rows from it, large objects and
  // functions that are not for everybody are open to it. What stays closed: docs/cli.md.
  Result<std::unique_ptr<pgconn::Connection>> connect(const std::string& database);

  // With all that was granted to it. What cannot be removed stays: it cannot log in.
  void remove();

 private:
  ReaderRole(Connect connect, std::string name)
      : connect_(std::move(connect)), name_(std::move(name)) {}
  Result<void> let_in(const std::string& database, pgconn::Connection& session);

  Connect connect_;
  std::string name_;
  std::set<std::string> databases_;  // where it was let in
};

}  // namespace walkback::drill
