// `check`: whether everything that archiving, backups and a recovery need is as it must be. One
// finding a thing; one that failed does not keep the others from being looked at.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_system.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/server_commands.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::setup {

enum class Level {
  kOk,
  kWarning,  // works, and could be better
  kFailed,
};
std::string_view level_name(Level level);  // "ok", "warning", "failed"

struct Finding {
  Level level = Level::kOk;
  std::string what;  // "archive_command"
  std::string text;
  std::string hint = {};  // what to do; empty where there is nothing to do
};
Finding failed(std::string what, const Error& error);

struct ServerToCheck {
  std::string pgdata;
  catalog::ProgramCall call;  // what archive_command should be
  // Whether one segment is archived and read back: switches the WAL.
  bool prove_archiving = true;
};

struct CheckParts {
  pgconn::Connection& connection;
  FileSystem& files;
  store::ObjectStore& objects;
  Clock& clock;
  Progress& progress;
  // Of a standby; empty where nobody said how.
  std::function<Result<std::unique_ptr<pgconn::Connection>>()> connect_to_primary = {};
};

// The server: that it is the cluster, its settings, its archiver, the rights of our user, and the
// proof; of a standby instead of settings and proof whether a backup could be taken there.
std::vector<Finding> check_server(const ServerToCheck& server, const CheckParts& parts);

// The whole conformance suite against a repository's store, below a folder of its own, which is
// removed again.
std::vector<Finding> check_conformance(store::ObjectStore& objects, Random& random);

}  // namespace walkback::setup
