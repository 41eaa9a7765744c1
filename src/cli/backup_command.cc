#include "backup/backup.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

namespace walkback::cli {

namespace {
// A whole repository may be on its way to a new place; the next backup goes on with it.
constexpr std::chrono::hours kCatchUpTime{1};
}  // namespace

Result<ExitStatus> run_backup(const BackupOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  TRY(session.require_pgdata(config));
  TRY(session.check_owner(config.pgdata, "only its owner can read all of it"));
  TRY(session.check_repository_owner(config));
  backup::BackupOptions backup;
  backup.cluster = config.cluster;
  backup.pgdata = config.pgdata;
  backup.label = options.label;
  backup.full = options.full;
  backup.workers = config.backup_workers;
  backup.compression_level = config.backup_compression_level;
  backup.reread_period = std::chrono::days(config.backup_reread_days);
  backup.archive_timeout = std::chrono::seconds(config.archive_timeout_s);
  backup.connect_to = session.connect_to(config);
  if (!config.primary_conninfo.empty())
    backup.connect_to_primary = session.connect_to_primary(config);

  std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  Env& env = session.env();
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  auto connected = session.connect(config);
  if (!connected.ok()) {
    backup::record_failed_attempt(backup, connected.error(), *store, env.clock, env.random);
  }
  auto connection = TRY(std::move(connected));
  auto report = TRY(backup::run_backup(backup, *connection, env.files, *store, env.clock,
                                       env.random, session.progress(), stop));
  // Its WAL, too, must be in every place that is required.
  TRY(session.catch_up(*store, store::CatchUpExtent::kAll, kCatchUpTime));
  if (report.bad_pages.empty() && report.unexplained.count == 0) {
    session.result(backup_text(report), backup_json(report, nullptr));
    return ExitStatus::kDone;
  }
  Error error = damaged_cluster_error(report);
  session.result(backup_text(report), backup_json(report, &error));
  return session.fail_after_result(error, ExitStatus::kBadPages);
}

}  // namespace walkback::cli
