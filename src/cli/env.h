// What a command is given by app/wire: the world, as interfaces. Nothing in cli reaches for it
// elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "alert/channels.h"
#include "base/clock.h"
#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "cli/output.h"
#include "config/config.h"
#include "keys/open_pgp.h"
#include "pgconn/connection.h"
#include "store/object_store.h"

namespace walkback::cli {

enum class OnInterrupt {
  kAskToStop,  // the token says so, and the command ends by itself
  kEnd,        // nothing watches a token: say so and end the process; every write of ours is atomic
};

// What a command does with a repository.
enum class Access {
  kMetadata,  // writes, lists, reports: needs no private key of an owner
  kReadData,  // reads pages and WAL
  kSetUp,     // init, before there are keys: reads what is plain, and looks where a bucket lies
  kBegin,     // init, with its keys: writes to a place that is no repository yet
};

// What a store's server can do, as it was found by trying.
struct StoreTrait {
  std::string name;   // "conditional_put"
  std::string means;  // "an object is never replaced"
  std::optional<bool> able;
  std::string detail;  // what was seen; empty when there is nothing to add
};

struct Env {
  FileSystem& files;
  Clock& clock;
  Random& random;
  Output& output;
  config::Environment environment;
  std::string program;            // absolute path of this walkback
  std::string working_directory;  // absolute
  bool stderr_is_terminal = false;
  size_t terminal_columns = 0;  // 0: not known
  uint32_t user_id = 0;         // effective
  std::string sudo_user = {};   // who called sudo, when this user is sudo's doing
  std::function<std::string(uint32_t)> user_name;
  // kUnsupported names the URLs that are read.
  std::function<Result<std::unique_ptr<store::ObjectStore>>(const config::Config&, Access,
                                                            std::stop_token)>
      open_store;
  // The same without encryption on top: keys/ is stored as it is.
  std::function<Result<std::unique_ptr<store::ObjectStore>>(const config::Config&, Access,
                                                            std::stop_token)>
      open_beneath;
  // Empty for stores of which everything is known.
  std::function<Result<std::vector<StoreTrait>>(const config::Config&, std::stop_token)> probe;
  // In which storage class a bucket's packs are put.
  std::function<std::string(const config::Config&)> pack_storage_class = {};
  keys::OpenPgp& gpg = keys::system_gpg();
  // Requests and bytes of all stores so far, for people; empty when none went over a network.
  std::function<std::string()> traffic;
  // By how much the clock of a bucket's server, as its answers have it, is ahead of this host's.
  std::function<std::optional<std::chrono::seconds>()> store_ahead = {};
  // What alerts are sent with. Lives as long as the process.
  std::function<alert::Means()> alert_means = {};
  std::function<Result<std::unique_ptr<pgconn::Connection>>(const pgconn::ConnectOptions&)> connect;
  // From here on SIGINT and SIGTERM no longer kill the process. Call once.
  std::function<std::stop_token(OnInterrupt)> watch_interrupts;
};

}  // namespace walkback::cli
