// `walkback adopt`: a recovered copy becomes the cluster.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "pg/types.h"
#include "restore/debian_cluster.h"
#include "restore/target_directory.h"
#include "store/object_store.h"

namespace walkback::restore {

struct AdoptOptions {
  std::string cluster;
  std::string pgdata;             // of the promoted copy
  std::string configured_pgdata;  // of the cluster whose place it takes; may be empty
  std::string program;            // absolute, for archive_command
  std::string config_path;
  std::string server_binaries;  // configured directory, may be empty
};

struct AdoptReport {
  pg::TimelineId timeline;
  uint64_t segments_archived = 0;  // of the new timeline, written while archiving was off
  bool restart_required = false;   // the copy runs; else it is to be started
  int port = 0;                    // where it answers from its next start on
  std::vector<Tablespace> tablespaces;
  std::string binaries;  // PostgreSQL's; empty when they are not on this host
  // The old cluster, when it is another directory and runs on this host: it archives into the same
  // repository.
  std::optional<RunningServer> old_server;
  // Where postgresql-common keeps the old cluster's configuration.
  std::optional<DebianCluster> debian;
};

// What adoption works with.
struct AdoptParts {
  FileSystem& files;
  store::ObjectStore& objects;
  Clock& clock;
  Random& random;
  Progress& progress;
};

// Needs a promoted copy that runs or is cleanly stopped; takes the copy's settings out, sets
// archiving on, archives the new timeline's history and the segments that pg_wal still has, so that
// the window goes on without a gap. The caller restarts the server and takes the first backup. The
// attempt is an event.
Result<AdoptReport> run_adopt(const AdoptOptions& options, const AdoptParts& parts);

}  // namespace walkback::restore
