#include "restore/adopt.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "catalog/catalog_files_reader.h"
#include "catalog/control_file_reader.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/server_commands.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_neighbour.h"
#include "pg/configuration.h"
#include "pg/timeline_history.h"
#include "restore/own_settings.h"
#include "restore/recovered_settings.h"
#include "restore/server.h"
#include "restore/server_commands.h"
#include "restore/target_directory.h"
#include "wal/record_reader.h"
#include "wal/segment_header.h"

namespace walkback::restore {

namespace {

constexpr int kCompressionLevel = 3;
constexpr int kWorkers = 2;
constexpr std::string_view kAutoConf = "postgresql.auto.conf";

class Adoption {
 public:
  Adoption(const AdoptOptions& options, const AdoptParts& parts)
      : options_(options),
        files_(parts.files),
        objects_(parts.objects),
        progress_(parts.progress) {}

  Result<AdoptReport> run() {
    if (TRY(is_unfinished_restore(files_, options_.pgdata))) {
      return unfinished_restore(files_, options_.pgdata);
    }
    const pg::ControlFile control =
        TRY(catalog::read_control_file(files_, options_.pgdata)).control;
    TRY(check_promoted(control));
    TRY(check_not_in_recovery(control));
    catalogs_ = catalog::read_catalog_files(files_, options_.pgdata, control);
    AdoptReport report;
    report.timeline = TRY(newest_timeline(control.timeline));
    report.restart_required = TRY(server_is_running(files_, options_.pgdata));
    catalog::WalArchive archive(
        objects_, options_.cluster,
        TRY(catalog::get_lineage(objects_, options_.cluster, control.system_identifier)));

    progress_.begin("archiving what the copy wrote so far", 0);
    // The history first: whoever reads the new timeline's segments must know where they come from.
    TRY(push(archive, pg::history_file_name(report.timeline)));
    const pg::TimelineHistory history = TRY(history_of(archive, report.timeline));
    report.segments_archived = TRY(push_finished_segments(archive, history));
    TRY(note_lost_start(archive, history));

    progress_.begin("switching archiving on", 0);
    TRY(remove_copy_settings(files_, options_.pgdata));
    TRY(write_archive_settings());
    TRY(look_around(control, report));
    return report;
  }

 private:
  Result<void> check_promoted(const pg::ControlFile& control) const {
    if (control.state == pg::ClusterState::kInProduction ||
        control.state == pg::ClusterState::kShutDown) {
      return success();
    }
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("{} is not a promoted copy: its recovery has not ended", options_.pgdata),
        TRY(how_to_promote(control)));
  }

  // A copy that was never started has the pg_control of the cluster it comes from.
  Result<void> check_not_in_recovery(const pg::ControlFile& control) const {
    for (const char* sign : {"recovery.signal", "standby.signal", "backup_label"}) {
      if (!TRY(files_.status(join_path(options_.pgdata, sign)))) continue;
      return make_error(
          ErrorKind::kInvalid,
          fmt::format("{} is not a promoted copy: it has a {}", options_.pgdata, sign),
          TRY(how_to_promote(control)));
    }
    return success();
  }

  Result<std::string> how_to_promote(const pg::ControlFile& control) const {
    const std::optional<RunningServer> server = TRY(find_running_server(files_, options_.pgdata));
    if (server) {
      return fmt::format("promote it first: `{}`",
                         promote_command(server->socket_directory, server->port));
    }
    return fmt::format(
        "let it reach its target and be promoted there first: `{}`",
        start_command(binaries(control), options_.pgdata, "-c recovery_target_action=promote"));
  }

  std::string binaries(const pg::ControlFile& control) const {
    Result<std::string> found = find_server_binaries(options_.server_binaries, control.major);
    return found.ok() ? *std::move(found) : std::string();
  }

  // What the user must know to put it into the old one's place.
  Result<void> look_around(const pg::ControlFile& control, AdoptReport& report) const {
    report.binaries = binaries(control);
    const OwnConfiguration own = TRY(read_own_configuration(files_, options_.pgdata));
    report.port = std::atoi(own.settings.value_or("port", "5432").c_str());
    const std::string links = join_path(options_.pgdata, "pg_tblspc");
    for (const DirectoryEntry& entry : TRY(files_.list(links))) {
      if (entry.type != FileType::kSymlink) continue;
      report.tablespaces.push_back(
          {static_cast<uint32_t>(std::strtoul(entry.name.c_str(), nullptr, 10)),
           TRY(files_.read_symlink(join_path(links, entry.name)))});
    }
    const std::string& old = options_.configured_pgdata;
    report.debian = find_debian_cluster(files_, old);
    if (old.empty() || old == options_.pgdata) return success();
    // Another user's directory may be closed to us: then nothing is known of it.
    Result<std::optional<RunningServer>> server = find_running_server(files_, old);
    if (server.ok()) report.old_server = *std::move(server);
    return success();
  }

  std::string wal_path(const std::string& name) const {
    return join_path(join_path(options_.pgdata, "pg_wal"), name);
  }

  // pg_control learns of a promotion's timeline at the checkpoint after it, pg_wal at once.
  Result<pg::TimelineId> newest_timeline(pg::TimelineId newest) const {
    for (const DirectoryEntry& entry : TRY(files_.list(join_path(options_.pgdata, "pg_wal")))) {
      const Result<pg::TimelineId> timeline = pg::parse_history_file_name(entry.name);
      if (timeline.ok()) newest = std::max(newest, *timeline);
    }
    if (newest.value > 1) return newest;
    return make_error(ErrorKind::kInvalid,
                      fmt::format("{} is on timeline 1: it is no recovered copy", options_.pgdata),
                      "a cluster that never was recovered is set up with `walkback init`");
  }

  Result<void> push(catalog::WalArchive& archive, const std::string& name) const {
    const std::unique_ptr<File> content = TRY(files_.open_read(wal_path(name)));
    TRY(archive.put(name, *content, kCompressionLevel, kWorkers,
                    catalog::neighbour_in(join_path(options_.pgdata, "pg_wal"), files_),
                    catalogs_));
    return success();
  }

  Result<pg::TimelineHistory> history_of(const catalog::WalArchive& archive,
                                         pg::TimelineId timeline) const {
    const Bytes text =
        TRY(read_file(files_, wal_path(pg::history_file_name(timeline)), archive.segment_bytes()));
    return pg::TimelineHistory::parse(timeline, as_text(text));
  }

  // What the server wrote to its end while archiving was off. Those that it ends before its restart
  // it archives itself, at the next checkpoint that would remove them
  // (src/backend/access/transam/xlogarchive.c, XLogArchiveCheckDone).
  Result<uint64_t> push_finished_segments(catalog::WalArchive& archive,
                                          const pg::TimelineHistory& history) const {
    const pg::Lsn begin = history.begin_of(history.timeline()).value_or(pg::Lsn{});
    wal::RecordReader reader(archive.expectations());
    uint64_t pushed = 0;
    std::optional<pg::SegmentName> last;
    for (const pg::SegmentName segment : TRY(segments_of(archive, history.timeline()))) {
      if (last && segment != next(*last)) break;
      const std::string name = segment.text(archive.segment_bytes());
      const Bytes content = TRY(read_file(files_, wal_path(name), archive.segment_bytes()));
      if (!begins_on(archive, segment, content, begin)) break;
      reader.feed(segment, content);
      if (!reaches_end(reader)) break;
      TRY(push(archive, name));
      ++pushed;
      last = segment;
    }
    return pushed;
  }

  Result<std::vector<pg::SegmentName>> segments_of(const catalog::WalArchive& archive,
                                                   pg::TimelineId timeline) const {
    std::vector<pg::SegmentName> segments;
    for (const DirectoryEntry& entry : TRY(files_.list(join_path(options_.pgdata, "pg_wal")))) {
      if (pg::wal_file_kind(entry.name) != pg::WalFileKind::kSegment) continue;
      const Result<pg::SegmentName> segment =
          pg::SegmentName::parse(entry.name, archive.segment_bytes());
      if (segment.ok() && segment->timeline == timeline) segments.push_back(*segment);
    }
    std::ranges::sort(segments);
    return segments;
  }

  // A file that waits to be written still has the pages of an older segment. At a promotion the
  // parent's segments behind the switch become such files (src/backend/access/transam/xlog.c,
  // RemoveNonParentXlogFiles), and one may get the very number that it had: only its timeline
  // tells.
  bool begins_on(const catalog::WalArchive& archive, pg::SegmentName segment, ByteView content,
                 pg::Lsn begin) const {
    const Result<wal::SegmentInfo> info = wal::inspect_segment(
        content, segment.text(archive.segment_bytes()), archive.lineage().system_identifier);
    if (!info.ok()) return false;
    return info->timeline == segment.timeline || segment.start(archive.segment_bytes()) < begin;
  }

  // As records tell: the segment is full, or ended by a switch.
  static bool reaches_end(wal::RecordReader& reader) {
    wal::Record record;
    wal::Outcome outcome;
    while ((outcome = reader.next(record)) == wal::Outcome::kRecord) {
    }
    return outcome == wal::Outcome::kEndOfInput;
  }

  // While archiving was off, checkpoints removed old segments unarchived; the oldest go first.
  Result<void> note_lost_start(const catalog::WalArchive& archive,
                               const pg::TimelineHistory& history) const {
    const pg::TimelineId timeline = history.timeline();
    const pg::Lsn begin = history.begin_of(timeline).value_or(pg::Lsn{});
    const auto first = pg::SegmentName::of(timeline, begin, archive.segment_bytes());
    const std::string name = first.text(archive.segment_bytes());
    if (TRY(archive.has(name)) || TRY(files_.status(wal_path(name)))) return success();
    progress_.note(
        fmt::format("WAL segment {}, where timeline {} begins, is no longer in pg_wal: what the "
                    "copy did before "
                    "its first backup cannot be recovered to",
                    name, timeline.value));
    return success();
  }

  static pg::SegmentName next(pg::SegmentName segment) {
    ++segment.number;
    return segment;
  }

  Result<void> write_archive_settings() const {
    const std::string path = join_path(options_.pgdata, std::string(kAutoConf));
    const std::optional<FileInfo> there = TRY(files_.status(path));
    Bytes content;
    if (there) content = TRY(read_file(files_, path));
    const std::string command =
        catalog::archive_command({options_.program, options_.config_path, options_.cluster});
    const std::string lines =
        fmt::format("archive_mode = 'on'\narchive_command = {}\n", pg::quote_setting(command));
    const ByteView added = as_bytes(lines);
    content.insert(content.end(), added.begin(), added.end());
    return replace_file(files_, path, content, there ? there->mode : 0600);
  }

  const AdoptOptions& options_;
  FileSystem& files_;
  store::ObjectStore& objects_;
  Progress& progress_;
  wal::CatalogFiles catalogs_;
};

}  // namespace

Result<AdoptReport> run_adopt(const AdoptOptions& options, const AdoptParts& parts) {
  catalog::Event event = catalog::new_event("adopt", parts.clock, parts.random);
  event.detail = options.pgdata;
  catalog::EventRecorder recorder(parts.objects, options.cluster, parts.clock);
  if (Result<void> begun = recorder.begin(event); !begun.ok()) {
    parts.progress.note("this is not in the history: " + begun.error().message);
  }
  Result<AdoptReport> report = Adoption(options, parts).run();
  if (report.ok()) {
    event.detail = fmt::format("{} on timeline {}", options.pgdata, report->timeline.value);
  }
  (void)recorder.end(event, report.ok() ? nullptr : &report.error());
  return report;
}

}  // namespace walkback::restore
