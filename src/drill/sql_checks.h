// The user's own questions to the recovered cluster, and the answers they expect.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "drill/proof.h"
#include "pgconn/connection.h"

namespace walkback::drill {

struct SqlCheck {
  std::string name;
  std::string database = "postgres";
  std::string sql;                    // one statement with one value
  std::optional<std::string> expect;  // as PostgreSQL writes it; nothing: true
};

struct CheckedAnswer {
  std::string name;
  std::string database;
  std::string expected;
  std::string found;  // or what the server said instead
  bool as_expected = false;
};

// Pure: what an answer is worth.
CheckedAnswer judge(const SqlCheck& check, const Result<pgconn::Table>& answer);

using Connect =
    std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>;

// Each in a session of its own, which cannot write, with the settings of its role and database, and
// for at most `timeout_s`. A check that cannot be asked has failed. kCancelled when asked to stop.
Result<std::vector<CheckedAnswer>> ask(const std::vector<SqlCheck>& checks, int timeout_s,
                                       const Connect& connect, const std::stop_token& stop);

Proof checks_proof(const std::vector<CheckedAnswer>& answers);

}  // namespace walkback::drill
