// `walkback init`: the repository, the configuration, PostgreSQL's settings, and the proof that
// they work.
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
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::setup {

struct InitOptions {
  std::string cluster = "main";
  std::string pgdata;
  std::string repository_url;
  std::string program;      // absolute path of walkback, for archive_command
  std::string config_path;  // absolute
  int archive_timeout_s = 60;
  bool apply = false;
  // The cluster's name was another cluster's before (pg_upgrade, a new initdb): that is meant.
  bool new_lineage = false;
  std::chrono::seconds proof_timeout{60};
};

struct ServerSetting {
  std::string name;
  std::string wanted;
  std::string current;
  bool needs_restart = false;
  bool satisfied() const { return wanted == current; }
};

struct InitReport {
  std::string repository_id;
  bool repository_created = false;
  pg::SystemIdentifier system_identifier;
  int server_version_num = 0;
  std::vector<ServerSetting> settings;
  bool applied = false;
  bool restart_required = false;
  // The segment that was archived by the server and read back; empty when a restart comes first.
  std::string proved_segment;
};

// Runs against a live server. With apply: ALTER SYSTEM, reload, and when no restart is due the
// proof: a WAL switch whose segment arrives in the repository and reads back equal to the one in
// pg_wal.
Result<InitReport> run_init(const InitOptions& options, pgconn::Connection& connection,
                            FileSystem& files, store::ObjectStore& objects, Clock& clock,
                            Random& random, Progress& progress);

}  // namespace walkback::setup
