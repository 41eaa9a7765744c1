// `walkback adopt`: a recovered copy becomes the cluster.
#pragma once

#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/result.h"
#include "pg/types.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::restore {

struct AdoptOptions {
  std::string cluster;
  std::string pgdata;   // of the promoted copy
  std::string program;  // absolute, for archive_command
  std::string config_path;
};

struct AdoptReport {
  pg::TimelineId timeline;
  uint64_t segments_archived = 0;  // of the new timeline, written while archiving was off
  bool restart_required = false;
};

// Needs a promoted copy that runs or is cleanly stopped; takes the copy's settings out, sets
// archiving on, archives the new timeline's history and the segments that pg_wal still has, so that
// the window goes on without a gap. The caller restarts the server and takes the first backup.
Result<AdoptReport> run_adopt(const AdoptOptions& options, FileSystem& files,
                              store::ObjectStore& objects, Progress& progress);

}  // namespace walkback::restore
