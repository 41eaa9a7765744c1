// How the server's archiving goes, asked of the server: what it has not archived, nobody finds.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "cli/session.h"
#include "config/config.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::cli {

struct LiveArchiver {
  bool off = false;  // archive_mode, or no command
  bool failing = false;
  std::string failed_wal;  // the last try
  std::optional<Timestamp> failed_at, archived_at;
  pg::Lsn written;  // where the server writes now
};

// Nothing of a server in recovery, which archives only if it is told to.
Result<std::optional<LiveArchiver>> ask_archiver(pgconn::Connection& connection);

// A session with the server, when it answers at once; nothing otherwise.
std::unique_ptr<pgconn::Connection> connect_at_once(const config::Config& config, Session& session);

// A sentence where archiving does not go on; nothing where it does.
std::optional<Error> archiving_trouble(const LiveArchiver& archiver);

}  // namespace walkback::cli
