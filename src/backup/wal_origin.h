// The server whose archiver brings a backup's WAL into the repository: the one that is backed up,
// or its primary.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "backup/server_session.h"
#include "base/progress.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback::backup {

// One thread at a time.
class WalOrigin {
 public:
  virtual ~WalOrigin() = default;
  // Before segments are waited for, the last of which is not in the repository yet.
  virtual void hurry() {}
  // Asked every second while `name` is waited for: an error where it will not come.
  virtual Result<void> ask(const std::string& name) = 0;
  // Whether the file of this name in pg_wal is as whole as the one that is archived.
  virtual Result<bool> has_whole(pg::SegmentName segment) = 0;
  // When it was waited for in vain.
  virtual Error late(const std::string& name, std::chrono::seconds waited) = 0;
};

// kInvalid when the server's archive_command is another program's and what it last archived is not
// in the repository: a backup would wait for its WAL in vain. A command that calls walkback among
// other things passes.
Result<void> check_archives_here(const ServerFacts& facts, const catalog::WalArchive& archive);

// The server itself. Both outlive it.
std::unique_ptr<WalOrigin> own_archiver(pgconn::Connection& server,
                                        const catalog::WalArchive& archive);

// Begins a session with a standby's primary. Empty: nobody said how.
using ConnectToPrimary = std::function<Result<std::unique_ptr<pgconn::Connection>>()>;

// A standby's primary. Where it can be asked it is, at once, whether it is this cluster's and
// archives here, and later to end the segment that is waited for. All outlive it.
Result<std::unique_ptr<WalOrigin>> primarys_archiver(pgconn::Connection& standby,
                                                     const ConnectToPrimary& connect,
                                                     const catalog::WalArchive& archive,
                                                     Progress& progress);

}  // namespace walkback::backup
