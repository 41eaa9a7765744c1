#include "restore/recover.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/check.h"
#include "catalog/backups.h"
#include "catalog/control_file_reader.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/server_commands.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "restore/claim.h"
#include "restore/delta_start.h"
#include "restore/follow.h"
#include "restore/host_memory.h"
#include "restore/materialize.h"
#include "restore/replayed_tablespaces.h"
#include "restore/server.h"
#include "restore/server_commands.h"
#include "restore/superusers.h"
#include "restore/unfinished.h"

namespace walkback::restore {

namespace {

// What a table and the catalogs may take. Nobody knows beforehand: a table that does not fit fails
// the server that reads it.
constexpr uint64_t kLittleBytes = 256 << 20;

Result<void> check_user(const RecoverOptions& options) {
  const bool runs = options.start || options.scratch.has_value();
  if (!runs || geteuid() != 0) return success();
  return make_error(
      ErrorKind::kDenied, "PostgreSQL does not run as root",
      "run this as the user who is to own the copy: sudo -u postgres walkback recover …");
}

Result<void> check_port(const RecoverOptions& options) {
  if (!options.start || !options.port) return success();
  return check_port_is_free(*options.port);
}

// Nothing without --delta, or where the directory is empty.
Result<std::optional<ReusedDirectory>> reused_of(const RecoverOptions& options,
                                                 const RecoveryPlan& plan, FileSystem& files) {
  if (!options.delta) return std::optional<ReusedDirectory>();
  const TargetLayout layout = TRY(lay_out_target(options.into, {}, {}));
  return look_at_reused(files, layout.data_directory, plan.backup.system_identifier);
}

// Of what lies in a reused directory's places, what is of this recovery's.
ReusedPlaces places_of(const ReusedDirectory& reused, const TargetLayout& layout) {
  ReusedPlaces places{
      .all = reused.directories(layout.data_directory),
      .may_hold_files = {layout.data_directory},
      .kept = {},
  };
  for (const Tablespace& there : reused.tablespaces) {
    const auto has_oid = [&](const Tablespace& t) { return t.oid == there.oid; };
    const auto wanted = std::ranges::find_if(layout.tablespaces, has_oid);
    // One that is not in the backup is emptied of what PostgreSQL had in it.
    const bool is_used = wanted == layout.tablespaces.end() || wanted->location == there.location;
    if (is_used) places.may_hold_files.push_back(there.location);
  }
  return places;
}

// What may have changed since: who runs where, and what is free.
Result<void> check_places(const RecoverOptions& options, const RecoveryPlan& plan,
                          const CheckedTarget& checked, FileSystem& files) {
  TargetNeed need;
  need.data_directory_bytes = plan.restore_bytes;
  if (options.scratch && options.scratch->fetches_little) {
    need.data_directory_bytes = std::min(plan.restore_bytes, kLittleBytes);
  }
  if (options.scratch) need.data_directory_bytes += std::min(plan.wal_bytes, kScratchWalBytes);
  need.tablespace_bytes.assign(checked.layout.tablespaces.size(), 0);
  ReusedPlaces reused;
  if (checked.delta) {
    reused = places_of(checked.delta->reused, checked.layout);
    reused.kept = parent_path(checked.delta->kept_directory);
    const uint64_t there = checked.delta->bytes_there + checked.delta->bytes_going;
    need.data_directory_bytes -= std::min(need.data_directory_bytes, there);
  }
  TRY(check_target(files, checked.layout, need, options.neighbours, reused));
  TRY(check_port(options));
  TRY(check_replayed_tablespaces(files, plan, checked.layout));
  if (options.start || options.scratch) TRY(check_user(options));
  return success();
}

Result<std::string> find_binaries(const RecoverOptions& options, const RecoveryPlan& plan) {
  return find_server_binaries(options.server_binaries, plan.backup.server_version_num / 10000);
}

class Recovery {
 public:
  Recovery(const RecoverOptions& options, const PlanOptions& plan_options, const RecoveryPlan& plan,
           const CheckedTarget& checked, FileSystem& files, store::ObjectStore& objects,
           Clock& clock, Random& random, Progress& progress, std::stop_token stop, std::string host)
      : options_(options),
        plan_options_(plan_options),
        plan_(plan),
        checked_(checked),
        files_(files),
        objects_(objects),
        clock_(clock),
        random_(random),
        progress_(progress),
        stop_(std::move(stop)),
        host_(std::move(host)) {}

  Result<RecoverReport> run() {
    const auto started = clock_.monotonic();
    report_.plan = plan_;
    report_.segments_replayed = 0;
    const TargetLayout& layout = checked_.layout;
    TRY(check_again());
    report_.data_directory = layout.data_directory;
    report_.layout = layout;
    catalog::WalArchive archive(
        objects_, plan_options_.cluster,
        TRY(catalog::get_lineage(objects_, plan_options_.cluster, plan_.backup.system_identifier)));
    // Until replay has reached the target.
    std::unique_ptr<catalog::HeldLease> lease;
    if (!options_.scratch) {
      lease = TRY(claim_for(plan_, plan_options_.cluster, "recover", archive, objects_, clock_,
                            random_, progress_, stop_));
    }
    if (options_.start && options_.port) port_ = TRY(reserve_port(*options_.port));
    const auto ours = TRY(begin(layout.data_directory));
    // What is thrown away gives nobody a timeline to be confused by.
    if (!options_.scratch) reserve_timeline(archive);

    progress_.begin(checked_.delta ? "comparing and restoring files" : "restoring files",
                    on_demand() ? 0 : plan_.restore_bytes);
    const Onto onto = checked_.delta ? Onto::kSomeOfIt : Onto::kNothing;
    const Materialized restored =
        TRY(unfinished(materialize(layout, archive.layout(), plan_.backup.id, onto,
                                   on_demand() ? Fetch::kNotOnDemand : Fetch::kEverything,
                                   options_.workers, files_, objects_, progress_, stop_)));
    if (on_demand()) TRY(mount(layout));
    const catalog::ManifestConclusion& conclusion = restored.conclusion;
    report_.bytes_written = restored.copied.bytes_written;
    report_.bytes_fetched = restored.copied.bytes_fetched;
    if (checked_.delta) {
      report_.delta =
          RecoverReport::Delta{*checked_.delta, restored.copied.bytes_right,
                               restored.copied.bytes_written, restored.copied.bytes_fetched};
    }
    TRY(unfinished(write_settings(layout)));
    TRY(unfinished(replace_file(files_, join_path(layout.data_directory, "backup_label"),
                                as_bytes(conclusion.backup_label), 0600)));
    TRY(unfinished(put_switched_segments(archive, join_path(layout.data_directory, "pg_wal"))));
    if (!on_demand()) progress_.begin("making the files durable", 0);
    TRY(unfinished(sync_layout(layout, files_)));
    // pg_control last: until it exists, PostgreSQL cannot start on a half-written directory.
    TRY(unfinished(write_control_file(layout.data_directory, conclusion.pg_control, files_)));
    TRY(remove_mark(files_, layout.data_directory));
    report_.restore_s = seconds_since(started);

    if (options_.start) TRY(on_restored(replay()));
    report_.total_s = seconds_since(started);
    return std::move(report_);
  }

 private:
  double seconds_since(std::chrono::nanoseconds started) const {
    return std::chrono::duration<double>(clock_.monotonic() - started).count();
  }

  // The plan was shown meanwhile, and somebody may have thought about it.
  Result<void> check_again() const {
    TRY(check_places(options_, plan_, checked_, files_));
    const std::optional<ReusedDirectory> reused = TRY(reused_of(options_, plan_, files_));
    const bool is_as_it_was = reused.has_value() == checked_.delta.has_value() &&
                              (!reused || reused->pg_control == checked_.delta->reused.pg_control);
    if (is_as_it_was) return success();
    return make_error(ErrorKind::kConflict,
                      fmt::format("{} is not as it was a moment ago: somebody else is at it",
                                  checked_.layout.data_directory),
                      "see what it is, and run this again");
  }

  // Held until the end, so that nobody is told to remove what we are writing; and from here on what
  // is in the directory is ours.
  Result<std::unique_ptr<DirectoryLock>> begin(const std::string& directory) {
    TRY(make_directories(files_, directory, 0700));
    std::unique_ptr<DirectoryLock> lock = TRY(files_.lock_directory(directory));
    if (!lock) return unfinished_restore(files_, directory);
    if (checked_.delta) {
      progress_.begin("putting aside what is not in the archive", 0);
      Result<void> begun = start_delta(files_, directory, *checked_.delta);
      // Where a server was started meanwhile, nothing has begun.
      if (!begun.ok() && begun.error().kind == ErrorKind::kConflict)
        return std::move(begun).error();
      TRY(unfinished(std::move(begun)));
      if (TRY(is_recovered_copy(files_, directory))) return lock;
    } else if (!TRY(files_.list(directory)).empty()) {
      return make_error(ErrorKind::kConflict,
                        fmt::format("{} was empty a moment ago: somebody else fills it", directory),
                        "recover into another directory");
    }
    TRY(begin_copy(files_, directory));
    if (!checked_.delta) TRY(write_mark(files_, directory, {plan_.backup.system_identifier, ""}));
    return lock;
  }

  template <typename T>
  Result<T> unfinished(Result<T> result) const {
    if (result.ok()) return result;
    Error error = std::move(result).error();
    // Who made it removes it.
    if (options_.scratch) return error;
    // What --delta began with is somebody's data directory: that is never to be removed.
    const std::string what = checked_.delta ? "the same command goes on with it"
                                            : how_to_remove(files_, report_.data_directory);
    error.hint = error.hint.empty() ? what : error.hint + "; " + what;
    return error;
  }

  // What was restored need not be restored again because a port was taken meanwhile.
  Result<void> on_restored(Result<void> replayed) const {
    if (replayed.ok() || stands_elsewhere_) return replayed;
    Error error = std::move(replayed).error();
    const std::string what = fmt::format("the directory is complete: `{}` goes on with it",
                                         start_command(report_.binaries, report_.data_directory,
                                                       "-p " + std::to_string(report_.port)));
    error.hint = error.hint.empty() ? what : error.hint + "; " + what;
    return error;
  }

  bool on_demand() const { return options_.scratch && options_.scratch->on_demand != nullptr; }

  // From here on all of it is read and written through the mounts, by us too: what is in a file
  // that was not fetched only they know.
  Result<void> mount(const TargetLayout& layout) {
    // Written by replay and read once: that needs nobody between.
    const std::string pg_wal = join_path(layout.data_directory, "pg_wal");
    const std::string beside = layout.data_directory + ".wal";
    TRY(files_.rename(pg_wal, beside));
    TRY(files_.make_symlink(beside, pg_wal));
    ondemand::OnDemandFiles& mounted = *options_.scratch->on_demand;
    for (const Tablespace& tablespace : layout.tablespaces) {
      TRY(mounted.mount(tablespace.location, fmt::format("pg_tblspc/{}/", tablespace.oid)));
    }
    return mounted.mount(layout.data_directory, "");
  }

  // Where a timeline was left, a server reads what was prepared and not yet ended there from the
  // parent's segment in pg_wal, and asks no restore_command for it: without it replay ends in
  // "requested WAL segment … has already been removed" (src/backend/access/transam/twophase.c,
  // XlogReadTwoPhaseData). The child's segment holds the same up to the switch.
  Result<void> put_switched_segments(const catalog::WalArchive& archive,
                                     const std::string& pg_wal) const {
    const uint32_t segment_bytes = archive.segment_bytes();
    catalog::SegmentLists lists(archive);
    const catalog::WalChain chain = TRY(catalog::WalChain::load(lists, plan_.timeline));
    for (const pg::TimelineSwitch& left : chain.history().switches()) {
      const bool is_replayed = left.at > plan_.backup.start_lsn && left.at <= plan_.end_lsn;
      if (!is_replayed || left.at.value % segment_bytes == 0) continue;
      const uint64_t number = left.at.value / segment_bytes;
      const std::optional<catalog::WalChain::Link> link = chain.segment(number);
      if (!link || link->timeline == left.parent) continue;
      const Bytes content = TRY(archive.get_segment({link->timeline, number}));
      const std::string name = pg::SegmentName{left.parent, number}.text(segment_bytes);
      TRY(replace_file(files_, join_path(pg_wal, name), content, 0600));
    }
    return success();
  }

  // A repository that cannot be written to, on the worst night, must not stop a recovery.
  void reserve_timeline(catalog::WalArchive& archive) {
    Result<pg::TimelineId> reserved = archive.reserve_timeline(
        plan_.timeline, fmt::format("{}:{}", host_, report_.data_directory));
    if (reserved.ok()) {
      reserved_ = *reserved;
    } else {
      progress_.note("no timeline could be reserved for this copy: " + reserved.error().message);
    }
  }

  // For a server that is started later, by somebody else.
  Result<int> some_port() const {
    if (options_.port) return *options_.port;
    const ReservedPort port = TRY(reserve_free_port());
    return port.port;
  }

  Result<void> write_settings(const TargetLayout& layout) {
    CopySettings copy;
    copy.data_directory = layout.data_directory;
    if (options_.scratch) {
      copy.scratch = true;
      copy.port = kScratchPort;
      copy.socket_directory = options_.scratch->socket_directory;
    } else {
      if (options_.start && !port_) port_ = TRY(reserve_free_port());
      copy.port = port_ ? port_->port : TRY(some_port());
      copy.socket_directory = TRY(choose_socket_directory(layout.data_directory));
    }
    copy.restore_command =
        catalog::restore_command({options_.program, options_.config_path, plan_options_.cluster},
                                 reserved_, options_.scratch ? options_.scratch->wal_at_hand : "");
    copy.target_lsn = plan_.target_lsn;
    copy.target_inclusive = plan_.inclusive;
    copy.target_timeline = plan_.timeline;
    copy.action = options_.action;
    copy.server_version_num = plan_.backup.server_version_num;
    copy.wal_segment_bytes = plan_.backup.wal_segment_bytes;
    copy.host_memory_bytes = usable_memory_bytes(files_);
    copy.at_least = {plan_.limits.max_connections, plan_.limits.max_worker_processes,
                     plan_.limits.max_wal_senders, plan_.limits.max_prepared_transactions,
                     plan_.limits.max_locks_per_transaction};
    const Result<std::string> binaries = server_binaries();
    if (binaries.ok()) {
      copy.library_directory = TRY(library_directory(*binaries));
      report_.binaries = *binaries;
    }
    report_.port = copy.port;
    report_.socket_directory = copy.socket_directory;
    report_.setting_changes = TRY(write_copy_settings(files_, copy));
    return success();
  }

  Result<std::string> server_binaries() const {
    if (!checked_.binaries.empty()) return checked_.binaries;
    return find_binaries(options_, plan_);
  }

  // Beside the binaries: "lib" with Debian's packages, "lib/postgresql" elsewhere (configure's
  // pkglibdir).
  Result<std::string> library_directory(const std::string& binaries) const {
    const std::string lib = join_path(parent_path(binaries), "lib");
    const std::string below = join_path(lib, "postgresql");
    return TRY(files_.status(below)) ? below : lib;
  }

  Result<void> replay() {
    const auto started = clock_.monotonic();
    progress_.begin("replaying WAL", plan_.end_lsn - plan_.backup.start_lsn);
    ServerOptions server_options;
    server_options.binaries = TRY(server_binaries());
    server_options.data_directory = report_.data_directory;
    server_options.port = report_.port;
    server_options.socket_directory = report_.socket_directory;
    server_options.log_file = join_path(report_.data_directory, kServerLog);
    server_options.server_version_num = plan_.backup.server_version_num;
    report_.log_file = server_options.log_file;
    std::unique_ptr<CopyServer> server = TRY(start_copy(server_options));
    report_.started = true;
    Result<Reached> reached =
        follow_replay(*server, options_.action, plan_.backup.start_lsn, clock_, progress_, stop_);
    const bool may_have_shut_down = options_.action == RecoveryAction::kShutdown && !reached.ok() &&
                                    reached.error().kind != ErrorKind::kCancelled;
    if (may_have_shut_down) {
      TRY(read_shut_down_state(std::move(reached).error()));
    } else {
      const Reached known = TRY(std::move(reached));
      report_.reached_lsn = known.lsn;
      report_.reached_time = known.time;
      if (server->role() != own_user_name()) report_.role = server->role();
    }
    report_.replay_s = seconds_since(started);
    report_.segments_replayed = plan_.segments;
    return check_reached();
  }

  // A server that was to shut down at the target is gone: its pg_control says whether it did so,
  // and where.
  Result<void> read_shut_down_state(Error exited) {
    const pg::ControlFile control =
        TRY(catalog::read_control_file(files_, report_.data_directory)).control;
    if (control.state != pg::ClusterState::kShutDownInRecovery) return exited;
    report_.reached_lsn = control.min_recovery_point;
    if (plan_.last_replayed) report_.reached_time = plan_.last_replayed->time;
    return success();
  }

  Result<void> check_reached() {
    report_.reached = report_.reached_lsn == plan_.end_lsn;
    stands_elsewhere_ = !report_.reached;
    if (plan_.last_replayed) report_.reached_xid = plan_.last_replayed->xid;
    if (options_.action == RecoveryAction::kPromote) report_.new_timeline = reserved_;
    if (report_.reached) return success();
    return make_error(ErrorKind::kIo,
                      fmt::format("the server stopped replay at {}, the target's end is {}",
                                  report_.reached_lsn.text(), plan_.end_lsn.text()),
                      fmt::format("do not use this copy; its log is {}", report_.log_file));
  }

  const RecoverOptions& options_;
  const PlanOptions& plan_options_;
  const RecoveryPlan& plan_;
  const CheckedTarget& checked_;
  FileSystem& files_;
  store::ObjectStore& objects_;
  Clock& clock_;
  Random& random_;
  Progress& progress_;
  std::stop_token stop_;
  const std::string host_;
  std::optional<pg::TimelineId> reserved_;
  std::optional<ReservedPort> port_;  // until the server listens on it
  RecoverReport report_;
  bool stands_elsewhere_ = false;
};

std::string describe(const RecoveryTarget& target) {
  const std::string_view kind = target_kind_name(target.kind);
  switch (target.kind) {
    case TargetKind::kTime:
      return fmt::format("{} {}", kind, show_time(target.time));
    case TargetKind::kXid:
    case TargetKind::kBeforeXid:
      return fmt::format("{} {}", kind, target.xid);
    case TargetKind::kLsn:
      return fmt::format("{} {}", kind, target.lsn.text());
    case TargetKind::kName:
      return fmt::format("{} \"{}\"", kind, target.name);
    case TargetKind::kLatest:
    case TargetKind::kImmediate:
      return std::string(kind);
  }
  return std::string(kind);
}

}  // namespace

Result<void> check_destination(const RecoverOptions& options, FileSystem& files) {
  TRY(check_user(options));
  // Its tablespaces are not known yet.
  const TargetLayout layout = TRY(lay_out_target(options.into, {}, {}));
  ReusedPlaces places;
  if (options.delta) {
    const std::optional<ReusedDirectory> reused =
        TRY(look_at_reused(files, layout.data_directory, {}));
    if (reused) places = places_of(*reused, layout);
  }
  TRY(check_target(files, layout, {}, options.neighbours, places));
  return check_port(options);
}

Result<CheckedTarget> check_recovery(const RecoverOptions& options, const PlanOptions& plan_options,
                                     const RecoveryPlan& plan, FileSystem& files,
                                     store::ObjectStore& objects, Clock& clock) {
  CheckedTarget checked;
  std::optional<ReusedDirectory> reused = TRY(reused_of(options, plan, files));
  const std::vector<Tablespace> there = reused ? reused->tablespaces : std::vector<Tablespace>();
  checked.layout = TRY(lay_out_target(options.into, plan.tablespaces, options.tablespaces,
                                      replayed_locations(plan), there));
  if (reused) {
    const catalog::WalArchive archive(
        objects, plan_options.cluster,
        TRY(catalog::get_lineage(objects, plan_options.cluster, plan.backup.system_identifier)));
    const std::string kept =
        TRY(choose_kept_directory(files, checked.layout.data_directory, clock.now()));
    checked.delta = TRY(survey_directory(files, objects, archive, plan.backup.id, checked.layout,
                                         *std::move(reused), kept));
  }
  TRY(check_places(options, plan, checked, files));
  if (options.start || options.scratch) checked.binaries = TRY(find_binaries(options, plan));
  return checked;
}

Result<RecoverReport> run_recover(const RecoverOptions& options, const PlanOptions& plan_options,
                                  const RecoveryPlan& plan, const CheckedTarget& checked,
                                  FileSystem& files, store::ObjectStore& objects, Clock& clock,
                                  Random& random, Progress& progress, std::stop_token stop) {
  if (options.scratch) {
    CHECK(!options.start && !options.delta);
    return Recovery(options, plan_options, plan, checked, files, objects, clock, random, progress,
                    std::move(stop), "")
        .run();
  }
  catalog::Event event = catalog::new_event("recover", clock, random);
  event.detail = fmt::format("{} from backup {} into {}", describe(plan.target),
                             plan.backup.id.text, options.into);
  catalog::EventRecorder recorder(objects, plan_options.cluster, clock);
  if (Result<void> begun = recorder.begin(event); !begun.ok()) {
    progress.note("this recovery is not in the history: " + begun.error().message);
  }
  Result<RecoverReport> report = Recovery(options, plan_options, plan, checked, files, objects,
                                          clock, random, progress, std::move(stop), event.host)
                                     .run();
  (void)recorder.end(event, report.ok() ? nullptr : &report.error());
  return report;
}

}  // namespace walkback::restore
