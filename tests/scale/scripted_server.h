// The server of a generated cluster: answers what a backup asks.
#pragma once

#include <memory>
#include <string>

#include "base/forwarding_files.h"
#include "generated_cluster.h"
#include "pg/types.h"
#include "pgconn/connection.h"

namespace walkback {

// Its backups begin and end at these positions. `database` is the one that the session is with.
std::unique_ptr<pgconn::Connection> connect_scripted_server(const std::string& pgdata,
                                                            const ClusterSize& size, pg::Lsn start,
                                                            pg::Lsn stop,
                                                            const std::string& database);

// A million fsyncs prove nothing about memory.
class UnsyncedFiles final : public ForwardingFiles {
 public:
  using ForwardingFiles::ForwardingFiles;
  Result<void> sync_directory(const std::string&) override { return success(); }
};

}  // namespace walkback
