#include "scratch/scratch_server.h"

#include <fmt/format.h>

#include "base/human.h"
#include "base/shell.h"
#include "base/unsynced_files.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"
#include "restore/claim.h"
#include "restore/follow.h"
#include "restore/running_servers.h"
#include "restore/server_commands.h"
#include "restore/wal_ahead.h"
#include "scratch/leftovers.h"

namespace walkback::scratch {

namespace {

restore::RecoveryAction action_of(Stand stand) {
  return stand == Stand::kPaused ? restore::RecoveryAction::kPause
                                 : restore::RecoveryAction::kPromote;
}

std::string root_of(const ScratchOptions& options) {
  return join_path(options.directory, fmt::format("{}-{}", options.purpose, options.name));
}

// Its socket's place is not known before it is made.
restore::RecoverOptions recover_options(const ScratchOptions& options) {
  restore::RecoverOptions recover;
  recover.into = data_directory_in(root_of(options));
  recover.action = action_of(options.stand);
  recover.start = false;
  recover.scratch.emplace();
  recover.scratch->fetches_little = options.on_demand;
  recover.workers = options.workers;
  recover.server_binaries = options.server_binaries;
  recover.neighbours = options.neighbours;
  recover.neighbours.running = true;
  recover.program = options.program;
  recover.config_path = options.config_path;
  return recover;
}

// In conninfo, between single quotes.
std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

restore::CopySettings::Limits limits_of(const restore::RecoveryPlan& plan) {
  return {plan.limits.max_connections, plan.limits.max_worker_processes,
          plan.limits.max_wal_senders, plan.limits.max_prepared_transactions,
          plan.limits.max_locks_per_transaction};
}

Result<catalog::WalArchive> archive_of(const ScratchPlan& checked, store::ObjectStore& objects) {
  const std::string& cluster = checked.plan_options.cluster;
  return catalog::WalArchive(
      objects, cluster,
      TRY(catalog::get_lineage(objects, cluster, checked.plan.backup.system_identifier)));
}

// Where it may not be, a line says what is done instead, and what would help.
bool may_fetch_on_demand(Progress& progress) {
  const Result<void> allowed = ondemand::try_to_mount();
  if (allowed.ok()) return true;
  progress.note(fmt::format("the whole backup is fetched, not only what is read of it: {} ({})",
                            allowed.error().message, allowed.error().hint));
  return false;
}

}  // namespace

Result<void> check_directory(const ScratchOptions& options, FileSystem& files) {
  return restore::check_destination(recover_options(options), files);
}

Result<ScratchPlan> check_scratch(const ScratchOptions& options,
                                  const restore::PlanOptions& plan_options,
                                  const restore::RecoveryPlan& plan, Surroundings& around) {
  // Before room is looked for: they take some.
  clean_up_leftovers(around.files, options.directory, around.clock, around.progress);
  ScratchPlan checked;
  checked.options = options;
  if (options.on_demand) checked.options.on_demand = may_fetch_on_demand(around.progress);
  checked.plan_options = plan_options;
  checked.plan = plan;
  checked.root = root_of(options);
  checked.target = TRY(restore::check_recovery(recover_options(checked.options), plan_options, plan,
                                               around.files, around.objects, around.clock));
  return checked;
}

void Fetched::add(const Fetched& other) {
  on_demand = on_demand || other.on_demand;
  bytes += other.bytes;
  of_bytes += other.of_bytes;
}

std::string Fetched::text() const {
  if (!on_demand) return fmt::format("fetched all {} of the backup", human_bytes(bytes));
  return fmt::format("fetched {} of {} of the backup", human_bytes(bytes), human_bytes(of_bytes));
}

ScratchServer::ScratchServer(const ScratchPlan& checked, Surroundings& around)
    : checked_(checked), around_(around), stand_(checked.options.stand) {}

Result<std::unique_ptr<ScratchServer>> ScratchServer::recover(const ScratchPlan& checked,
                                                              Surroundings& around) {
  std::unique_ptr<ScratchServer> server(new ScratchServer(checked, around));
  Result<void> made = server->make();
  if (made.ok()) return server;
  const bool interrupted = made.error().kind == ErrorKind::kCancelled;
  if (checked.options.keep_failed && !interrupted) return server->kept(std::move(made).error());
  return std::move(made).error();
}

ScratchServer::~ScratchServer() {
  const Result<void> removed = remove();
  if (!removed.ok()) {
    around_.progress.note(fmt::format("the scratch server is not removed: {}; `rm -r {}` does it",
                                      removed.error().message, shell_word(checked_.root)));
  }
}

Result<void> ScratchServer::make() {
  const catalog::WalArchive archive = TRY(archive_of(checked_, around_.objects));
  // Until it is gone: it may be told to go on.
  lease_ = TRY(restore::claim_for(checked_.plan, checked_.plan_options.cluster,
                                  checked_.options.purpose, archive, around_.objects, around_.clock,
                                  around_.random, around_.progress, around_.stop));
  // Before there is anything that could be left behind.
  guard_ = TRY(Guard::start(checked_.options.program, checked_.root));
  place_ = TRY(Place::make(around_.files, checked_.root, checked_.options.purpose));
  if (checked_.options.on_demand) TRY(prepare_on_demand(archive.layout()));
  TRY(checked(restore()));
  report_.started = report_.reached = true;
  report_.log_file = log_file();
  report_.total_s = report_.restore_s + report_.replay_s;
  return success();
}

Result<void> ScratchServer::prepare_on_demand(const catalog::LineageLayout& lineage) {
  CHECK(!checked_.options.keep_failed);
  files_ = TRY(ondemand::OnDemandFiles::open(around_.objects, lineage, checked_.plan.backup));
  // Who waits for the repository need not wait any longer then.
  on_stop_.emplace(around_.stop, [this] { files_->close(); });
  return success();
}

Result<void> ScratchServer::restore() {
  restore::RecoverOptions recover = recover_options(checked_.options);
  recover.scratch->socket_directory = place_->socket_directory();
  recover.scratch->on_demand = files_.get();
  if (files_) recover.scratch->wal_at_hand = wal_at_hand();
  // What is on demand does not outlive us.
  UnsyncedFiles unsynced(around_.files);
  FileSystem& files = files_ ? static_cast<FileSystem&>(unsynced) : around_.files;
  report_ = TRY(restore::run_recover(recover, checked_.plan_options, checked_.plan, checked_.target,
                                     files, around_.objects, around_.clock, around_.random,
                                     around_.progress, around_.stop));
  return replay();
}

std::string ScratchServer::wal_at_hand() const { return join_path(place_->root(), "wal-at-hand"); }

// A drill measures what a recovery takes, and fetches WAL as a recovery does.
Result<void> ScratchServer::replay() {
  std::unique_ptr<restore::WalAhead> ahead;
  if (files_) {
    ahead =
        TRY(restore::WalAhead::start(checked_.plan, TRY(archive_of(checked_, around_.objects)),
                                     wal_at_hand(), around_.files, around_.clock, around_.stop));
  }
  TRY(start());
  Result<void> followed = follow(checked_.plan, stand_, checked_.plan.backup.start_lsn);
  if (followed.ok() || !ahead) return followed;
  // The server says that it got no WAL; which of it is damaged is known here.
  Result<void> fetched = ahead->end();
  const bool is_why = !fetched.ok() && (fetched.error().kind == ErrorKind::kCorrupt ||
                                        fetched.error().kind == ErrorKind::kMissing);
  return is_why ? fetched : followed;
}

Fetched ScratchServer::fetched() const {
  if (!files_) return {false, report_.bytes_fetched, report_.bytes_fetched};
  return {true, report_.bytes_fetched + files_->bytes_fetched(), files_->bytes_of_all()};
}

Result<void> ScratchServer::checked(Result<void> step) const {
  if (!files_) return step;
  // Then files may have failed because of that.
  if (!step.ok() && around_.stop.stop_requested()) {
    return make_error(ErrorKind::kCancelled, "interrupted");
  }
  std::optional<Error> failure = files_->failure();
  if (failure) return *std::move(failure);
  return step;
}

Result<void> ScratchServer::start() {
  restore::ServerOptions options;
  options.binaries = report_.binaries;
  options.data_directory = place_->data_directory();
  options.port = restore::kScratchPort;
  options.socket_directory = place_->socket_directory();
  options.log_file = log_file();
  options.server_version_num = checked_.plan.backup.server_version_num;
  options.ends_with_us = true;
  options.settings = checked_.options.settings;
  // Its files are of no use without us; what is not durable need not be made so.
  if (files_) options.settings.emplace_back("fsync", "off");
  server_ = TRY(restore::start_copy(options));
  return success();
}

Result<void> ScratchServer::follow(const restore::RecoveryPlan& plan, Stand stand, pg::Lsn from) {
  const auto began = around_.clock.monotonic();
  around_.progress.begin("replaying WAL", plan.end_lsn > from ? plan.end_lsn - from : 0);
  const restore::Reached reached = TRY(restore::follow_replay(
      *server_, action_of(stand), from, around_.clock, around_.progress, around_.stop));
  role_ = server_->role();
  stand_ = stand;
  lsn_ = report_.reached_lsn = reached.lsn;
  report_.reached_time = reached.time;
  report_.reached_xid = plan.last_replayed ? plan.last_replayed->xid : std::nullopt;
  report_.segments_replayed = plan.segments;
  report_.replay_s = std::chrono::duration<double>(around_.clock.monotonic() - began).count();
  stands_ = true;
  if (lsn_ == plan.end_lsn) return success();
  return make_error(ErrorKind::kIo,
                    fmt::format("the server stopped replay at {}, the target's end is {}",
                                lsn_.text(), plan.end_lsn.text()));
}

Result<void> ScratchServer::go_on(const restore::RecoveryPlan& later, Stand stand) {
  const bool same = later.backup.system_identifier == checked_.plan.backup.system_identifier;
  if (stand_ == Stand::kPromoted || !same || later.end_lsn < lsn_) {
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("a scratch server that {} {} cannot go on to {}{}",
                    stand_ == Stand::kPromoted ? "was promoted at" : "stands at", lsn_.text(),
                    later.end_lsn.text(), same ? "" : " of another cluster"));
  }
  const pg::Lsn from = lsn_;
  TRY(restore::check_wal_is_there(later, checked_.plan.backup.start_lsn,
                                  TRY(archive_of(checked_, around_.objects))));
  TRY(stop());
  restore::LaterTarget target;
  target.target_lsn = later.target_lsn;
  target.target_inclusive = later.inclusive;
  target.target_timeline = later.timeline;
  target.action = action_of(stand);
  target.at_least = limits_of(later);
  TRY(restore::set_later_target(around_.files, place_->data_directory(), target));
  TRY(start());
  return checked(follow(later, stand, from));
}

Result<void> ScratchServer::promote() {
  if (stand_ == Stand::kPromoted) return success();
  {
    const std::unique_ptr<pgconn::Connection> session = TRY(connect("postgres"));
    TRY(session->query("SELECT pg_promote(false)"));
  }
  Result<restore::Reached> reached =
      restore::follow_replay(*server_, restore::RecoveryAction::kPromote, lsn_, around_.clock,
                             around_.progress, around_.stop);
  TRY(checked(reached.ok() ? success() : Result<void>(reached.error())));
  lsn_ = reached->lsn;
  stand_ = Stand::kPromoted;
  return success();
}

std::string ScratchServer::conninfo(const std::string& database,
                                    const std::vector<std::string>& settings) const {
  // What a connection asks for wins over ALTER DATABASE and ALTER ROLE (GucSource in
  // src/include/utils/guc.h).
  std::string options = "-c role=none -c session_preload_libraries= -c local_preload_libraries=";
  for (const std::string& setting : settings) options += " -c " + setting;
  return fmt::format("host={} port={} user={} dbname={} options={}",
                     quoted(place_->socket_directory()), restore::kScratchPort, quoted(role_),
                     quoted(database), quoted(options));
}

Result<std::unique_ptr<pgconn::Connection>> ScratchServer::connect(
    const std::string& database) const {
  pgconn::ConnectOptions how;
  how.conninfo = conninfo(database);
  return pgconn::connect(how);
}

// Beside the data directory: that is looked at page by page.
std::string ScratchServer::log_file() const {
  return join_path(place_->root(), restore::kServerLog);
}

Result<void> ScratchServer::stop() {
  if (!server_) return success();
  stands_ = false;
  TRY(server_->stop());
  server_.reset();
  return success();
}

// As quickly as it can be: what it holds in memory nobody needs. But while it replays, a
// restore_command that is at work has to end first.
Result<void> ScratchServer::end() {
  if (!server_ || !stands_) return stop();
  TRY(server_->end());
  server_.reset();
  return success();
}

Result<void> ScratchServer::remove() {
  if (place_) {
    TRY(end());
    on_stop_.reset();
    if (files_) files_->unmount();
    TRY(place_->remove());
    place_.reset();
  }
  if (guard_) guard_->let_go();
  guard_.reset();
  lease_.reset();
  return success();
}

Result<KeptServer> ScratchServer::keep(const std::string& database) {
  CHECK(!files_);
  KeptServer kept;
  kept.root = place_->root();
  const std::string& sockets = place_->socket_directory();
  if (sockets != kept.root) kept.sockets = sockets;
  if (!role_.empty()) {  // it stood once
    kept.start = restore::start_command(binaries(), data_directory());
    kept.ask = restore::psql_command(sockets, restore::kScratchPort, role_, database);
    kept.stop = restore::stop_command(binaries(), data_directory());
  }
  TRY(stop());
  TRY(place_->keep());
  guard_->let_go();
  guard_.reset();
  place_.reset();
  lease_.reset();
  return kept;
}

Error ScratchServer::kept(Error error) {
  if (!place_) return error;
  const std::string root = place_->root();
  if (!keep().ok()) return error;
  const std::string where = fmt::format("what there is of it was kept in {}", root);
  error.hint = error.hint.empty() ? where : error.hint + "; " + where;
  return error;
}

}  // namespace walkback::scratch
