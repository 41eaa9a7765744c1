// Sessions with the scratch server on which old rows lie, and the pg_dump that goes with it.
#pragma once

#include <memory>
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

// Beside the server's programs (`binaries`, or where PostgreSQL `major` is found): kMissing when
// it is not there.
Result<std::string> find_pg_dump(const std::string& binaries, int major, FileSystem& files);

}  // namespace walkback::undo
