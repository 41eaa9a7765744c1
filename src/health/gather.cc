#include "health/gather.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "catalog/backups.h"
#include "catalog/control_file_reader.h"
#include "catalog/lineage.h"
#include "health/attempts.h"
#include "health/mass_changes.h"
#include "health/server_facts.h"
#include "health/unarchived.h"
#include "health/wal_directory.h"

namespace walkback::health {

namespace {

using catalog::BackupSummary;
using catalog::WalArchive;
using catalog::WalChain;

constexpr std::chrono::hours kGrowthOver{7 * 24};
constexpr double kDay_s = 86400;

class Gathering {
 public:
  Gathering(const Subject& subject, const Limits& limits, const Sources& sources,
            std::stop_token stop)
      : subject_(subject), limits_(limits), sources_(sources), stop_(std::move(stop)) {
    facts_.cluster = subject.cluster;
    facts_.now = sources.clock.now();
  }

  Facts run() {
    // The server first: what it calls archived by now, the repository must have when it is asked.
    if (!subject_.pgdata.empty()) server();
    if (sources_.repository) facts_.repository = repository();
    if (!subject_.pgdata.empty()) pg_wal();
    if (sources_.keys) facts_.keys = sources_.keys();
    if (sources_.store_ahead) facts_.store_ahead = sources_.store_ahead();
    return std::move(facts_);
  }

 private:
  // ---- the server ----

  void server() {
    Result<catalog::ControlFileBytes> control =
        catalog::read_control_file(sources_.files, subject_.pgdata);
    if (control.ok()) control_ = control->control;
    if (sources_.connect) facts_.server = ask_server();
    // What speaks for itself needs no server; what does not is said instead of it.
    if (!control.ok() && facts_.server && facts_.server->ok()) facts_.server = control.error();
  }

  Result<ServerFacts> ask_server() {
    const auto connection = TRY(sources_.connect());
    ServerFacts server = TRY(read_server(*connection, sources_.clock));
    if (!control_ || control_->system_identifier == server.system_identifier) return server;
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("the server that answers is not the cluster in {}", subject_.pgdata),
        "postgresql.conninfo and postgresql.pgdata must name the same cluster");
  }

  const ServerFacts* answering_server() const {
    return facts_.server && facts_.server->ok() ? &**facts_.server : nullptr;
  }

  void pg_wal() {
    if (!control_) return;
    const std::string directory = join_path(subject_.pgdata, "pg_wal");
    facts_.wal_directory = look_at_pg_wal(sources_.files, directory, control_->wal_segment_bytes,
                                          answering_server(), facts_.now);
    if (chain_) {
      facts_.unarchived =
          find_unarchived(*archive_, *chain_, answering_server(), sources_.files, directory);
    }
  }

  // ---- the repository ----

  Result<RepositoryFacts> repository() {
    store::ObjectStore& objects = *TRY(sources_.repository());
    const catalog::OnUnreadable unreadable = [this](const Error& error) {
      repository_.unreadable.push_back(error.message);
    };
    std::optional<pg::SystemIdentifier> wanted;
    if (control_) wanted = control_->system_identifier;
    archive_.emplace(objects, subject_.cluster,
                     TRY(catalog::find_lineage(objects, subject_.cluster, wanted)));
    repository_.system_identifier = archive_->lineage().system_identifier;
    std::vector<BackupSummary> backups =
        TRY(catalog::list_backups(objects, archive_->layout(), unreadable));
    TRY(wal(backups));
    std::ranges::copy_if(backups, std::back_inserter(repository_.backups),
                         [this](const BackupSummary& backup) {
                           return !chain_ || catalog::lies_on(backup, chain_->history());
                         });
    // On one path the log says which came first, and no clock.
    std::ranges::stable_sort(repository_.backups, {}, [](const BackupSummary& backup) {
      return std::tuple(backup.timeline, backup.start_lsn);
    });
    std::vector<catalog::Event> events =
        TRY(catalog::list_events(objects, subject_.cluster, unreadable));
    TRY(catalog::find_killed(objects, subject_.cluster, sources_.clock, events));
    repository_.attempts = attempts_of(events, facts_.now);
    look_at_growth(backups);
    if (limits_.mass_delete_rows > 0 && chain_) {
      repository_.mass_changes =
          find_mass_changes({subject_.cluster, repository_.timeline, facts_.now,
                             limits_.mass_delete_rows, sources_.live_names},
                            objects, stop_);
    }
    return std::move(repository_);
  }

  // Along the timeline that the server is on, or the newest that the archive knows of.
  Result<void> wal(const std::vector<BackupSummary>& backups) {
    const std::vector<pg::TimelineId> timelines = TRY(archive_->timelines());
    if (timelines.empty()) return success();
    const ServerFacts* server = answering_server();
    const bool archived =
        server != nullptr && std::ranges::find(timelines, server->timeline) != timelines.end();
    const pg::TimelineId timeline = archived ? server->timeline : timelines.back();
    catalog::SegmentLists lists(*archive_);
    Result<WalChain> chain = WalChain::load(lists, timeline);
    if (!chain.ok() && chain.error().kind == ErrorKind::kMissing) {
      repository_.unreadable.push_back(chain.error().message);
      return success();
    }
    chain_.emplace(TRY(std::move(chain)));
    repository_.timeline = timeline;
    catalog::TimelineWindows windows =
        TRY(catalog::find_windows_on(*archive_, *chain_, backups, catalog::Stretches::kAll));
    repository_.windows = std::move(windows.windows);
    repository_.gaps = std::move(windows.gaps);
    const auto stretches = chain_->stretches();
    if (!stretches.empty()) repository_.archived_until = stretches.back().end;
    return look_where_it_archives();
  }

  // What it archived before the repository was is none of its business.
  Result<void> look_where_it_archives() {
    if (answering_server() == nullptr) return success();
    ArchiverFacts& archiver = (*facts_.server)->archiver;
    if (pg::wal_file_kind(archiver.last_archived) != pg::WalFileKind::kSegment) return success();
    const auto segment = pg::SegmentName::parse(archiver.last_archived, archive_->segment_bytes());
    if (!segment.ok() || segment->timeline != *repository_.timeline) return success();
    const pg::Lsn begin = segment->start(archive_->segment_bytes());
    if (repository_.archived_until && begin < *repository_.archived_until) return success();
    archiver.archives_elsewhere = !TRY(archive_->has(archiver.last_archived));
    return success();
  }

  // From the oldest backup of the last days on; what was removed meanwhile is not known and not
  // taken off.
  void look_at_growth(const std::vector<BackupSummary>& backups) {
    repository_.bytes_stored = catalog::stored_bytes_of(backups);
    if (!chain_) return;
    const pg::Lsn end = repository_.archived_until.value_or(pg::Lsn{});
    repository_.bytes_stored += chain_->stored_bytes({}, end);
    const Timestamp since = facts_.now + -std::chrono::microseconds(kGrowthOver);
    // Where a date is yet to come it is not known since when.
    auto first = repository_.backups.end();
    for (auto backup = repository_.backups.begin(); backup != repository_.backups.end(); ++backup) {
      if (catalog::is_dated_ahead(*backup, facts_.now)) continue;
      first = backup;
      if (backup->started_at >= since) break;
    }
    if (first == repository_.backups.end() || first->start_lsn >= end) return;
    const double seconds = std::chrono::duration<double>(facts_.now - first->started_at).count();
    if (seconds < kShortestGrowth_s) return;
    double bytes = static_cast<double>(chain_->stored_bytes(first->start_lsn, end));
    for (auto later = first + 1; later != repository_.backups.end(); ++later) {
      bytes += static_cast<double>(later->bytes_stored);
    }
    repository_.bytes_per_day = bytes / seconds * kDay_s;
  }

  // Less than that says nothing of a day.
  static constexpr double kShortestGrowth_s = 3600;

  const Subject& subject_;
  const Limits& limits_;
  const Sources& sources_;
  const std::stop_token stop_;
  Facts facts_;
  std::optional<pg::ControlFile> control_;
  std::optional<WalArchive> archive_;
  std::optional<WalChain> chain_;
  RepositoryFacts repository_;
};

}  // namespace

Facts gather(const Subject& subject, const Limits& limits, const Sources& sources,
             std::stop_token stop) {
  return Gathering(subject, limits, sources, std::move(stop)).run();
}

}  // namespace walkback::health
