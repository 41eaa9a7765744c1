// Sessions with the scratch server on which old rows lie, and the pg_dump that goes with it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"
#include "scratch/scratch_server.h"

namespace walkback::undo {

// With database `oid`.
Result<std::unique_ptr<pgconn::Connection>> scratch_session(const scratch::ScratchServer& server,
                                                            pg::Oid database);

// What values look like beyond pgconn's settings, and how long a lock is waited for.
Result<void> settle(pgconn::Connection& session);

// A prepared transaction outlives a promotion, with its locks; at the target it had not committed.
// Rolls back those of the session's database, or `only` that one.
Result<void> roll_back_prepared(pgconn::Connection& session,
                                std::optional<pg::Xid> only = std::nullopt);

// Of pg_dump: no setting of the database changes what it says.
std::string dump_conninfo(const scratch::ScratchServer& server, const std::string& database);
// Beside the server's programs (`binaries`, or where PostgreSQL `major` is found): kMissing when
// it is not there.
Result<std::string> find_pg_dump(const std::string& binaries, int major, FileSystem& files);

}  // namespace walkback::undo
