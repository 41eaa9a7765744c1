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
#include "setup/server_settings.h"
#include "store/object_store.h"

namespace walkback::setup {

struct InitOptions {
  std::string cluster = "main";
  std::string pgdata;
  std::vector<std::string> repository_urls;  // of its places
  std::string program;                       // absolute path of walkback, for archive_command
  std::string config_path;                   // absolute
  // Nothing: what the server has is right, and 60 where it has none.
  std::optional<int> archive_timeout_s;
  bool apply = false;
  // The cluster's name was another cluster's before (pg_upgrade, a new initdb): that is meant.
  bool new_lineage = false;
  // The configuration says that there was a repository once.
  bool was_set_up_before = false;
  // That there is none any more is meant, though the configuration or the server knows of one.
  bool new_repository = false;
  // Another program archives this cluster's WAL: its archive is meant to end here.
  bool replace_archive_command = false;
  std::chrono::seconds proof_timeout{60};
};

// walkback's configuration file, which the front writes: the server's archive_command reads it, so
// it must be there before the settings are, and a try that failed must not be in the next one's
// way.
class ConfigurationFile {
 public:
  virtual ~ConfigurationFile() = default;
  virtual Result<void> write() = 0;
  // Undoes write(); called when no setting of the server names the file.
  virtual void take_back() = 0;
};

// The repository, once everything is known to fit together.
class RepositoryToBe {
 public:
  virtual ~RepositoryToBe() = default;
  // As it is before it has keys: what is plain in it can be read.
  virtual store::ObjectStore& seen() = 0;
  // Makes what its encryption needs and is missing, and opens it for use. The store is owned here.
  virtual Result<store::ObjectStore*> open(bool is_new) = 0;
};

struct InitReport {
  std::string repository_id;
  bool repository_created = false;
  uint64_t copied = 0;  // objects, to a place that had not all of them
  pg::SystemIdentifier system_identifier;
  int server_version_num = 0;
  std::vector<ServerSetting> settings;
  bool applied = false;
  std::vector<std::string> set;  // by this run, the settings' names
  bool restart_required = false;
  // The segment that was archived by the server and read back; empty when a restart comes first.
  std::string proved_segment;
};

// What init works with.
struct InitParts {
  pgconn::Connection& connection;
  FileSystem& files;
  RepositoryToBe& repository;
  ConfigurationFile& configuration;
  Clock& clock;
  Random& random;
  Progress& progress;
};

// Runs against a live server. Nothing is written before all is known to fit together; then the
// repository, the configuration, and with apply the settings (ALTER SYSTEM, reload). When no
// restart is due it ends with the proof: a WAL switch whose segment arrives in the repository and
// reads back equal to the one in pg_wal (without a private key of an owner at hand: has its
// digest). The attempt is an event from the moment the repository exists.
Result<InitReport> run_init(const InitOptions& options, const InitParts& parts);

}  // namespace walkback::setup
