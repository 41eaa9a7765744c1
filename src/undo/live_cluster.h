// The running cluster, and whether it is the one that the repository is about.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::undo {

using Connect =
    std::function<Result<std::unique_ptr<pgconn::Connection>>(const std::string& database)>;

// A session with database `oid`, under whatever name it has by now; `connect` is asked for `first`
// to find that out. kMissing when there is none.
Result<std::unique_ptr<pgconn::Connection>> connect_to_oid(const Connect& connect,
                                                           const std::string& first, pg::Oid oid);

// kConflict when the server is of another cluster or is a standby.
Result<void> check_is_primary_of(pgconn::Connection& live, pg::SystemIdentifier cluster);

}  // namespace walkback::undo
