#include <fmt/format.h>

#include "archive/wal_get.h"
#include "archive/wal_push.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "repo/repository.h"

namespace walkback::cli {

namespace {
// The server waits for this command, and archives nothing else meanwhile.
constexpr std::chrono::seconds kCatchUpTime{5};

// They do without a look at the repository's marker, but for what they found nothing in.
template <typename T>
Result<T> in_repository(const config::Config& config, store::ObjectStore& store, Result<T> step,
                        const Session& session) {
  if (step.ok() || step.error().kind != ErrorKind::kMissing) return step;
  TRY(session.check_is_there(config));
  TRY(repo::open_repository(store));
  return step;
}
}  // namespace

// The server's log gets a line for each segment only when somebody asked: --verbose.
Result<ExitStatus> run_wal_push(const WalPushOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  TRY(session.check_repository_owner(config, /*root_only=*/true));
  auto store = TRY(session.if_mounted(config, session.open_store(config, Access::kMetadata)));
  archive::WalPushOptions push;
  push.cluster = config.cluster;
  push.path = options.path;
  push.pgdata = config.pgdata;
  push.compression_level = config.archive_compression_level;
  push.workers = config.archive_workers;
  auto report = TRY(in_repository(
      config, *store, archive::run_wal_push(push, session.env().files, *store), session));
  if (report.not_indexed) session.warn(*report.not_indexed);
  // The segment is where it has to be.
  const auto caught_up = session.catch_up(*store, store::CatchUpExtent::kNoted, kCatchUpTime);
  if (!caught_up.ok()) session.warn(caught_up.error());
  bool verbose = session.global().verbose;
  session.result(verbose ? wal_push_text(report) : "", wal_push_json(report));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_wal_get(const WalGetOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.if_mounted(config, session.open_store(config, Access::kReadData)));
  archive::WalGetOptions get;
  get.cluster = config.cluster;
  get.name = options.name;
  get.path = options.path;
  get.pgdata = config.pgdata;
  get.reserved_timeline = options.reserved_timeline;
  auto outcome = TRY(in_repository(
      config, *store, archive::run_wal_get(get, session.env().files, *store), session));
  bool verbose = session.global().verbose;
  session.result(verbose ? wal_get_text(options.name, outcome) : "",
                 wal_get_json(options.name, outcome));
  return outcome == archive::WalGetOutcome::kDelivered ? ExitStatus::kDone
                                                       : ExitStatus::kNotInArchive;
}

}  // namespace walkback::cli
