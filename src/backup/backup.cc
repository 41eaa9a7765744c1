#include "backup/backup.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "backup/changed_files.h"
#include "backup/data_directory_walk.h"
#include "backup/links.h"
#include "backup/lost_parent.h"
#include "backup/names_reading.h"
#include "backup/parent.h"
#include "backup/reread_turns.h"
#include "backup/server_session.h"
#include "backup/shared_manifest.h"
#include "backup/standby.h"
#include "backup/wait_for_wal.h"
#include "backup/wal_origin.h"
#include "catalog/control_file_reader.h"
#include "catalog/events.h"
#include "catalog/leases.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/reserve.h"
#include "catalog/wal_archive.h"
#include "pg/backup_label.h"
#include "pg/versions.h"
#include "pipeline/copy_in.h"

namespace walkback::backup {

namespace {

// Seconds since it was made, or asked last.
class Stopwatch {
 public:
  explicit Stopwatch(Clock& clock) : clock_(clock), since_(clock.monotonic()) {}
  double lap() {
    const auto now = clock_.monotonic();
    return std::chrono::duration<double>(now - std::exchange(since_, now)).count();
  }

 private:
  Clock& clock_;
  std::chrono::nanoseconds since_;
};

class Backup {
 public:
  Backup(const BackupOptions& options, pgconn::Connection& connection, FileSystem& files,
         store::ObjectStore& objects, Clock& clock, Random& random, Progress& progress,
         std::stop_token stop)
      : options_(options),
        connection_(connection),
        files_(files),
        objects_(objects),
        clock_(clock),
        random_(random),
        progress_(progress),
        stop_(std::move(stop)) {}

  Result<BackupReport> run(const catalog::BackupId& id, Timestamp started_at) {
    if (options_.full) no_parent_ = "--full";
    Result<BackupReport> report = attempt(id, started_at);
    const std::optional<Error> lost = lost_parent_.why();
    if (report.ok() || !lost || stop_.stop_requested()) return report;
    // What was copied so far refers to what the parent has.
    no_parent_ = "the backup that this one was built on is gone or damaged: " + lost->message;
    progress_.note("begins again and reads everything: " + no_parent_);
    // Where it was not ended; else the server refuses, and that is as well.
    (void)stop_backup_mode(connection_);
    return attempt(id, started_at);
  }

 private:
  Result<BackupReport> attempt(const catalog::BackupId& id, Timestamp started_at) {
    const auto started = clock_.monotonic();
    facts_ = TRY(read_server_facts(connection_));
    TRY(check_server_facts(facts_, options_.pgdata, files_));
    const pg::ControlFile control =
        TRY(catalog::read_control_file(files_, options_.pgdata)).control;
    if (control.system_identifier != facts_.system_identifier) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("the server that answers is not the one whose files are in {}",
                                    options_.pgdata),
                        "correct postgresql.pgdata or postgresql.conninfo in the configuration");
    }
    TRY(refuse_linked_directories(files_, options_.pgdata,
                                  pg::version_of_catalog(control.catalog_version).value()));
    catalog::WalArchive archive(
        objects_, options_.cluster,
        TRY(catalog::get_lineage(objects_, options_.cluster, control.system_identifier)));
    const std::unique_ptr<WalOrigin> origin = TRY(find_wal_origin(archive));
    const std::string pg_wal = join_path(options_.pgdata, "pg_wal");
    WalWait wal(archive, *origin, files_, pg_wal, clock_, options_.archive_timeout, progress_,
                stop_);
    if (facts_.in_recovery) TRY(check_wal_arrives(archive, control, wal));
    const catalog::LineageLayout& layout = archive.layout();
    NamesReading names_reading(connection_, options_.connect_to, objects_, layout.names(id),
                               progress_);
    // Before the first pack: what nothing refers to yet is ours while this is held.
    catalog::LeaseClaim claim;
    claim.kind = catalog::LeaseKind::kWrite;
    claim.system_identifier = control.system_identifier;
    claim.what = "backup";
    const std::unique_ptr<catalog::HeldLease> lease =
        TRY(catalog::HeldLease::take(objects_, options_.cluster, claim, clock_, random_));
    std::unique_ptr<catalog::ManifestWriter> manifest =
        TRY(catalog::create_manifest(objects_, random_, layout, id, options_.compression_level));

    progress_.begin("reading names", 0);
    const std::unique_ptr<catalog::NamesWriter> names = TRY(names_reading.finish());

    // Full-page writes are forced from here on: pages read while they change are mended by replay.
    progress_.begin("waiting for PostgreSQL's checkpoint", 0);
    BackupTimings timings;
    Stopwatch stopwatch(clock_);
    const pg::Lsn start_lsn = TRY(start_backup_mode(
        connection_, options_.label.empty() ? "walkback " + id.text : options_.label));
    timings.checkpoint_s = stopwatch.lap();

    ParentChoice choice = TRY(choose(archive, start_lsn));
    TRY(claim_parent(*lease, layout, choice));
    timings.changes_s = stopwatch.lap();
    Parent* const parent = choice.parent ? &*choice.parent : nullptr;
    pipeline::CopyInOptions copy;
    copy.workers = options_.workers;
    copy.compression_level = options_.compression_level;
    copy.block_bytes = control.block_bytes;
    copy.pack_prefix = layout.pack_prefix();
    copy.start_lsn = start_lsn;
    SharedManifest shared(*manifest, parent, copy.pack_bytes, progress_);

    DataDirectoryWalk walk(
        files_, options_.pgdata, control,
        [&](const catalog::ManifestDirectory& directory) { return shared.add(directory); },
        progress_);
    TRY(walk.add_configuration({facts_.config_file, facts_.hba_file, facts_.ident_file}));
    RereadTurns turns;
    std::optional<ChangedFiles> changed;
    if (parent != nullptr) {
      turns = parent->is_doubted() ? RereadTurns::all()
                                   : RereadTurns::between(parent->summary.started_at, started_at,
                                                          options_.reread_period);
      changed.emplace(walk, *parent, turns, shared.thin_packs(),
                      pg::version_of_catalog(control.catalog_version).value(),
                      control.relation_segment_blocks, lost_parent_,
                      [&](const catalog::ManifestRecord& file) { return shared.take_over(file); });
    }
    pipeline::FileSource& source = changed ? static_cast<pipeline::FileSource&>(*changed) : walk;
    // Where only changes are read, how much that is turns out on the way.
    const bool reads_all = parent == nullptr || !parent->changes.since || turns.is_all();
    progress_.begin(reads_all ? "copying files" : "copying what changed",
                    reads_all ? database_bytes() : 0);
    const pipeline::CopyInResult copied = TRY(pipeline::copy_in(
        files_, objects_, clock_, random_, source, shared, copy, progress_, stop_));

    // pg_control after all other files: its checkpoint, and at a standby the point up to which
    // replay must go, are then never older than one of theirs.
    const catalog::ControlFileBytes pg_control =
        TRY(catalog::read_control_file(files_, options_.pgdata));
    std::optional<Replayed> replayed;
    if (facts_.in_recovery) replayed = TRY(how_far_replayed(connection_));
    timings.copy_s = stopwatch.lap();

    progress_.begin("ending backup mode", 0);
    const BackupStop backup_stop = TRY(stop_backup_mode(connection_));
    timings.stop_s = stopwatch.lap();
    const pg::BackupLabel label = TRY(pg::parse_backup_label(backup_stop.label_file));
    BackupEnd end{backup_stop.lsn, backup_stop.lsn, clock_.now()};
    if (replayed) {
      end = TRY(end_at_standby(pg_control.control, *replayed, label, files_, pg_wal));
    }
    TRY(shared.settle(end.lsn));
    std::optional<catalog::BackupId> parent_id;
    if (parent != nullptr) {
      parent_id = parent->summary.id;
      // Its pages may be as new as that. Its WAL is in the repository.
      if (parent->summary.stop_lsn > end.lsn) {
        end.lsn = parent->summary.stop_lsn;
        end.time = std::max(end.time, parent->summary.stopped_at);
      }
    }
    // What follows takes memory for each pack, and the parent's files took it for each file.
    changed.reset();
    choice.parent.reset();

    const catalog::ManifestWriter::MapsStored maps = TRY(manifest->finish_maps());
    timings.copy_s += stopwatch.lap();

    // The backup is of use only with the WAL up to its stop; it is not listed before that is safe.
    progress_.begin("waiting for its WAL in the repository", 0);
    TRY(wal.until(label.timeline, start_lsn, end.wal_until));
    timings.wal_wait_s = stopwatch.lap();

    catalog::BackupSummary summary;
    summary.id = id;
    if (parent_id) summary.type = catalog::BackupType::kIncremental;
    summary.label = options_.label;
    summary.system_identifier = control.system_identifier;
    summary.server_version_num = facts_.version_num;
    summary.wal_segment_bytes = archive.segment_bytes();
    summary.started_at = started_at;
    summary.stopped_at = end.time;
    summary.timeline = label.timeline;
    summary.start_lsn = start_lsn;
    summary.stop_lsn = end.lsn;
    summary.from_standby = label.from_standby;
    summary.files = shared.files();
    summary.bytes_raw = shared.bytes();
    summary.bytes_read = copied.bytes_read;
    summary.bytes_reread = copied.bytes_reread;
    summary.bytes_stored = copied.bytes_stored + maps.bytes;
    summary.bad_pages = shared.bad_pages().size();
    summary.unexplained_pages = shared.unexplained().count;
    shared.note(copied.packs);
    const std::vector<catalog::ManifestPack> packs = shared.packs();
    std::vector<catalog::ManifestPack> needed = packs;
    needed.insert(needed.end(), maps.packs.begin(), maps.packs.end());
    summary.pack_bytes = TRY(still_there(layout, parent_id, needed));
    for (const catalog::ManifestPack& pack : needed) {
      summary.packs.push_back((pack.maps ? "maps/" : "packs/") + pack.id.text());
    }
    summary.duration_s = std::chrono::duration<double>(clock_.monotonic() - started).count();
    std::optional<codec::Sha256> names_sha256;
    if (names) names_sha256 = TRY(names->finish());
    const catalog::SummaryObject object = catalog::make_summary_object(summary);
    TRY(objects_.put(layout.summary(id), as_bytes(object.text)));

    // Had prune taken us for dead, packs that this manifest names could be gone.
    TRY(lease->check_held());
    // The manifest last: with it the backup exists, and all it names is durable.
    catalog::ManifestConclusion conclusion;
    conclusion.files = shared.files();
    conclusion.bytes = shared.bytes();
    conclusion.backup_label = backup_stop.label_file;
    conclusion.pg_control = pg_control.bytes;
    conclusion.tablespaces = walk.tablespaces();
    conclusion.block_bytes = control.block_bytes;
    conclusion.relation_segment_blocks = control.relation_segment_blocks;
    conclusion.data_checksums = control.checksums_enabled();
    conclusion.summary_sha256 = object.sha256;
    conclusion.names_sha256 = names_sha256;
    conclusion.packs = packs;
    TRY(manifest->commit(conclusion));
    BackupReport report;
    report.summary = std::move(summary);
    report.parent = std::move(parent_id);
    report.reason = std::move(choice.reason);
    report.bad_pages = shared.bad_pages();
    report.unexplained = shared.unexplained();
    report.timings = timings;
    return report;
  }

  // Whose archiver the backup's WAL comes by, once it is known that it does.
  Result<std::unique_ptr<WalOrigin>> find_wal_origin(const catalog::WalArchive& archive) {
    if (facts_.in_recovery) {
      return primarys_archiver(connection_, options_.connect_to_primary, archive, progress_);
    }
    TRY(check_archives_here(facts_, archive));
    return own_archiver(connection_, archive);
  }

  Result<ParentChoice> choose(const catalog::WalArchive& archive, pg::Lsn start_lsn) {
    if (!no_parent_.empty()) return ParentChoice{std::nullopt, no_parent_};
    progress_.begin("looking for what changed", 0);
    // After the checkpoint it knows of a promotion.
    const pg::ControlFile control =
        TRY(catalog::read_control_file(files_, options_.pgdata)).control;
    return choose_parent(objects_, archive, control, start_lsn, files_, options_.pgdata, progress_,
                         stop_);
  }

  // From here on no prune removes the parent; one that was about to is not raced.
  Result<void> claim_parent(catalog::HeldLease& lease, const catalog::LineageLayout& layout,
                            ParentChoice& choice) {
    if (!choice.parent) return success();
    const catalog::BackupId id = choice.parent->summary.id;
    TRY(lease.claim_backup(id));
    const Result<void> stays =
        catalog::check_not_condemned(objects_, options_.cluster, layout, id, clock_, stop_);
    if (stays.ok()) return success();
    if (stays.error().kind != ErrorKind::kConflict && stays.error().kind != ErrorKind::kMissing) {
      return stays;
    }
    choice.parent.reset();
    choice.reason = stays.error().message;
    return success();
  }

  // Nothing that was taken over may have been removed meanwhile: the lease keeps prune off, but not
  // people, nor a prune that was suspended in the middle. Gives the packs' sizes.
  Result<std::vector<uint64_t>> still_there(const catalog::LineageLayout& layout,
                                            const std::optional<catalog::BackupId>& parent,
                                            const std::vector<catalog::ManifestPack>& packs) {
    const auto look = [&]() -> Result<std::vector<uint64_t>> {
      if (parent && !TRY(objects_.info(layout.manifest(*parent)))) {
        return make_error(ErrorKind::kMissing,
                          fmt::format("backup {} was removed meanwhile", parent->text));
      }
      return sizes_of_packs(objects_, layout, packs);
    };
    Result<std::vector<uint64_t>> sizes = look();
    if (!sizes.ok() && parent) lost_parent_.see(sizes.error());
    return sizes;
  }

  // For the progress line only: what is left out or grows makes it a little wrong, and 0 is "not
  // known".
  uint64_t database_bytes() {
    Result<std::string> text = pgconn::query_text(
        connection_, "SELECT coalesce(sum(pg_database_size(oid)), 0)::text FROM pg_database");
    return text.ok() ? std::strtoull(text->c_str(), nullptr, 10) : 0;
  }

  const BackupOptions& options_;
  pgconn::Connection& connection_;
  FileSystem& files_;
  store::ObjectStore& objects_;
  Clock& clock_;
  Random& random_;
  Progress& progress_;
  std::stop_token stop_;
  ServerFacts facts_;
  std::string no_parent_;  // why there must be none; empty where there may be one
  LostParent lost_parent_;
};

catalog::Event attempt(const BackupOptions& options, Clock& clock, Random& random) {
  catalog::Event event = catalog::new_event("backup", clock, random);
  event.detail = options.label;
  return event;
}

}  // namespace

Result<BackupReport> run_backup(const BackupOptions& options, pgconn::Connection& connection,
                                FileSystem& files, store::ObjectStore& objects, Clock& clock,
                                Random& random, Progress& progress, std::stop_token stop) {
  catalog::Event event = attempt(options, clock, random);
  catalog::EventRecorder recorder(objects, options.cluster, clock);
  TRY(recorder.begin(event));

  Backup backup(options, connection, files, objects, clock, random, progress, std::move(stop));
  Result<BackupReport> report = backup.run({event.id}, event.started_at);

  if (report.ok()) event.backup = report->summary;
  Result<void> recorded = recorder.end(event, report.ok() ? nullptr : &report.error());
  if (!recorded.ok()) {
    progress.note("the history has no end for this backup: " + recorded.error().message);
  }
  if (report.ok()) (void)catalog::keep_reserve(objects, options.cluster, random);
  return report;
}

void record_failed_attempt(const BackupOptions& options, const Error& error,
                           store::ObjectStore& objects, Clock& clock, Random& random) {
  const catalog::Event event = attempt(options, clock, random);
  catalog::EventRecorder recorder(objects, options.cluster, clock);
  // Who called has an error to report already.
  if (recorder.begin(event).ok()) (void)recorder.end(event, &error);
}

}  // namespace walkback::backup
