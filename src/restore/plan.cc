#include "restore/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/names.h"
#include "catalog/recovery_windows.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "catalog/wal_stream.h"
#include "pg/control_file.h"
#include "pg/sql_text.h"
#include "restore/manifests.h"
#include "restore/other_timelines.h"
#include "restore/refusal.h"
#include "restore/target_search.h"

namespace walkback::restore {

namespace {

using catalog::BackupSummary;
using catalog::WalChain;

// One backup from which the target is reached.
struct Reached {
  BackupSummary backup;
  StopPoint stop;
  TargetSearch search;
  catalog::ManifestConclusion conclusion;
  pg::ControlFile control;
};

// A record of the log, rather than a place in it.
bool means_a_record(TargetKind kind) {
  return kind == TargetKind::kXid || kind == TargetKind::kBeforeXid || kind == TargetKind::kName;
}

// Looks for the target along one timeline, from the newest backup: the least WAL to replay.
class TimelineSearch {
 public:
  TimelineSearch(const PlanOptions& options, Manifests& manifests,
                 const catalog::WalArchive& archive, const WalChain& chain, std::stop_token stop)
      : options_(options),
        manifests_(manifests),
        archive_(archive),
        chain_(chain),
        stop_(std::move(stop)) {}

  // Nothing when no backup reaches it; unreached() then says why.
  Result<std::optional<Reached>> run(const std::vector<BackupSummary>& backups) {
    why_.target = options_.target;
    why_.now = options_.now;
    why_.timeline = chain_.timeline();
    std::vector<BackupSummary> usable;
    for (const BackupSummary& backup : backups) {
      if (catalog::lies_on(backup, chain_.history())) usable.push_back(backup);
    }
    std::ranges::sort(usable, std::ranges::greater(), &BackupSummary::stop_lsn);
    for (const BackupSummary& backup : usable) {
      std::optional<Reached> reached = TRY(try_backup(backup));
      if (reached) return reached;
    }
    return std::optional<Reached>();
  }

  Unreached& unreached() { return why_; }

 private:
  Result<std::optional<Reached>> try_backup(const BackupSummary& backup) {
    const auto no = std::optional<Reached>();
    if (ends_too_late(backup)) return no;
    const pg::Lsn end = chain_.end_of_stretch(backup.start_lsn);
    if (end < backup.stop_lsn) {
      why_.incomplete =
          fmt::format("backup {} lacks WAL segment {}, without which it is not consistent",
                      backup.id.text, chain_.file_name(end));
      return no;
    }
    const bool searched = searched_ && searched_->end == end;
    // What a newer backup did not find at the end of the same stretch, an older one will not.
    if (searched && !means_a_record(options_.target.kind)) return no;
    std::optional<Manifests::Opened> opened = TRY(manifests_.open(backup));
    if (!opened) return no;
    const pg::ControlFile& control = opened->control;
    if (searched) {
      TargetSearch before(options_.target, control, backup.stop_lsn, seen_records());
      const Read read_to = TRY(read(before, backup.start_lsn, searched_->begin));
      if (read_to.problem) why_.problem = read_to.problem;
      const bool found = before.stop() || before.rolled_back();
      learn(before);
      searched_->begin = backup.start_lsn;
      if (!found) return no;
    }
    std::optional<Searched> done(TRY(search_to(end, backup, control, seen_records())));
    if (done->search.sees() == Records::kKept && depends_on_all(done->search)) {
      done.emplace(TRY(search_to(end, backup, control, Records::kAll)));
    }
    auto& [search, read_to] = *done;
    learn(search);
    if (!why_.readable_to) why_.readable_to = read_to.end;
    if (read_to.problem) why_.problem = read_to.problem;
    // "Latest" must not quietly mean "up to where a hole or damage begins", nor a moment before
    // there was such a timeline.
    const bool cut_short = options_.target.kind == TargetKind::kLatest &&
                           (read_to.problem || chain_.next_present(end) || end < chain_.begin());
    if (!search.stop() || cut_short) {
      searched_ = WalChain::Stretch{backup.start_lsn, end};
      return no;
    }
    searched_.reset();
    if (search.stop()->end < backup.stop_lsn) {
      why_.too_early = record_of(search);
      return no;
    }
    TRY(refuse_ambiguous(search));
    const StopPoint stop = *search.stop();
    return std::optional<Reached>(
        Reached{backup, stop, std::move(search), std::move(opened->conclusion), control});
  }

  Records seen_records() const {
    const bool enough = options_.by_indexes && means_a_record(options_.target.kind);
    return enough ? Records::kKept : Records::kAll;
  }
  // Where a timeline is left its last record is the target, whatever that is; and what marks a
  // database as dropped is a row like any other.
  bool depends_on_all(const TargetSearch& search) const {
    if (search.stopped_before_removal()) return true;
    if (!search.stop() || search.stop()->inclusive) return false;
    const pg::TimelineId holder = chain_.history().timeline_of({search.stop()->end.value - 1});
    const std::optional<pg::Lsn> left = chain_.history().end_of(holder);
    return left && search.stop()->target >= *left;
  }

  // What can be said without reading WAL.
  bool ends_too_late(const BackupSummary& backup) const {
    const RecoveryTarget& target = options_.target;
    return (target.kind == TargetKind::kTime && backup.stopped_at > target.time) ||
           (target.kind == TargetKind::kLsn && backup.stop_lsn > target.lsn);
  }

  struct Read {
    pg::Lsn end;
    std::optional<Error> problem;
  };
  struct Searched {
    TargetSearch search;
    Read read_to;
  };
  Result<Searched> search_to(pg::Lsn end, const BackupSummary& backup,
                             const pg::ControlFile& control, Records sees) const {
    TargetSearch search(options_.target, control, backup.stop_lsn, sees);
    Read read_to = TRY(read(search, backup.start_lsn, end));
    search.finish();
    return Searched{std::move(search), std::move(read_to)};
  }
  Result<Read> read(TargetSearch& search, pg::Lsn from, pg::Lsn to) const {
    std::optional<Error> unreadable;
    const auto visit = [&](const wal::Record& record) {
      Result<void> seen = search.see(record);
      if (!seen.ok()) unreadable = std::move(seen).error();
      return !unreadable;
    };
    catalog::WalEnd end = search.sees() == Records::kKept
                              ? TRY(catalog::read_events(archive_, chain_, from, to, stop_, visit))
                              : TRY(catalog::read_wal(archive_, chain_, from, to, stop_, visit));
    // A record that cannot be understood is not passed over.
    if (unreadable) return Read{end.last_record, std::move(unreadable)};
    return Read{end.end, std::move(end.problem)};
  }

  void learn(const TargetSearch& search) {
    if (!why_.last_timed) why_.last_timed = search.last_timed();
    if (search.rolled_back()) why_.rolled_back = search.rolled_back();
    for (const PlanRecord& point : search.nearest_restore_points()) {
      const bool known = std::ranges::find(why_.restore_points, point.what, &PlanRecord::what) !=
                         why_.restore_points.end();
      if (!known) why_.restore_points.push_back(point);
    }
  }

  static std::optional<PlanRecord> record_of(const TargetSearch& search) {
    return search.stop()->inclusive ? search.passed().last : search.first_left_out();
  }

  Result<void> refuse_ambiguous(const TargetSearch& search) const {
    if (search.candidates().size() < 2) return success();
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("xid {} may mean several transactions: the 32-bit number was used again",
                    options_.target.xid),
        fmt::format("give one of these, with the epoch in it: {}",
                    fmt::join(search.candidates(), ", ")));
  }

  const PlanOptions& options_;
  Manifests& manifests_;
  const catalog::WalArchive& archive_;
  const WalChain& chain_;
  const std::stop_token stop_;
  Unreached why_;
  // Of the stretch read last: from where on the target is not in it.
  std::optional<WalChain::Stretch> searched_;
};

class Planner {
 public:
  Planner(const PlanOptions& options, store::ObjectStore& objects, Progress& progress,
          std::stop_token stop)
      : options_(options), objects_(objects), progress_(progress), stop_(std::move(stop)) {}

  Result<RecoveryPlan> plan() {
    Result<RecoveryPlan> made = find();
    for (const Error& error : unreadable_) {
      // What is the failure itself is not told twice.
      const bool is_the_failure = !made.ok() && made.error().message == error.message;
      if (options_.unreadable && !is_the_failure) options_.unreadable(error);
      if (made.ok()) made->unreadable.push_back(error.message);
    }
    return made;
  }

 private:
  Result<RecoveryPlan> find() {
    archive_.emplace(objects_, options_.cluster,
                     TRY(catalog::find_lineage(objects_, options_.cluster, options_.lineage)));
    lists_.emplace(*archive_);
    timelines_ = TRY(archive_->timelines());
    const pg::TimelineId timeline = TRY(catalog::choose_timeline(timelines_, options_.timeline));
    const auto pass_over = [this](const Error& error) { unreadable_.push_back(error); };
    backups_ = TRY(catalog::list_backups(objects_, archive_->layout(), pass_over));
    if (backups_.empty() && !unreadable_.empty()) return unreadable_.back();
    if (backups_.empty()) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("cluster '{}' has no backup yet", options_.cluster),
                        "take one: walkback backup");
    }
    progress_.begin("reading the WAL for the target", 0);
    const WalChain chain = TRY(load(timeline));
    const std::vector<OtherTimeline> others =
        TRY(find_other_timelines(*lists_, chain, timelines_, stop_));
    TRY(refuse_undecided(chain, others));
    manifests_.emplace(objects_, archive_->layout(), pass_over);
    TimelineSearch search(options_, *manifests_, *archive_, chain, stop_);
    std::optional<Reached> reached = TRY(search.run(backups_));
    if (!reached) return unreachable(chain, std::move(search.unreached()), others);
    RecoveryPlan plan = TRY(compose(chain, *reached));
    plan.other_timelines = others;
    TRY(note_other_timelines(chain, *reached, plan));
    return plan;
  }

  Result<WalChain> load(pg::TimelineId timeline) {
    Result<WalChain> chain = WalChain::load(*lists_, timeline);
    if (chain.ok() || chain.error().kind != ErrorKind::kMissing || timelines_.size() < 2) {
      return chain;
    }
    Error error = std::move(chain).error();
    for (auto older = timelines_.rbegin(); older != timelines_.rend(); ++older) {
      if (*older >= timeline) continue;
      error.hint += fmt::format("; an older history: --timeline {}", older->value);
      break;
    }
    return error;
  }

  bool is_current(const WalChain& chain) const { return chain.timeline() == timelines_.back(); }

  // A timeline of which only the history is there: of a server that has just begun, or of one that
  // never will. Which timeline goes on is not for us to guess.
  Result<void> refuse_undecided(const WalChain& chain,
                                const std::vector<OtherTimeline>& others) const {
    if (options_.target.kind != TargetKind::kLatest || options_.timeline) return success();
    const auto& switches = chain.history().switches();
    if (switches.empty() || chain.has_own_wal() || others.empty()) return success();
    return undecided(chain.timeline(), switches.back(), others);
  }

  Result<RecoveryPlan> compose(const WalChain& chain, const Reached& reached) {
    const TargetSearch& search = reached.search;
    const TargetSearch::Passed& passed = search.passed();
    RecoveryPlan plan;
    plan.target = options_.target;
    plan.backup = reached.backup;
    plan.end_lsn = reached.stop.end;
    plan.along = chain.timeline();
    plan.last_replayed = passed.last;
    plan.first_left_out = search.first_left_out();
    plan.commits_replayed = passed.commits;
    plan.commits_given_up = search.commits_given_up();
    plan.earlier_times_left_out = search.earlier_times_left_out();
    plan.notes = search.notes();
    if (plan.backup.from_standby) {
      plan.notes.push_back(
          "the backup is of a standby, and so is the configuration in it: look at port, memory and "
          "primary_conninfo before this becomes the cluster");
    }
    for (const auto& [xid, name] : passed.prepared) {
      const std::string gid = pg::quote_literal(name);
      plan.notes.push_back(
          fmt::format("prepared transaction {} (xid {}) survives and holds its locks; to end it: "
                      "ROLLBACK PREPARED {}",
                      gid, xid, gid));
    }
    note_removal(search, plan);
    for (const auto& [what, xid] : passed.half_dropped) {
      const std::string instead = xid == 0 ? "" : fmt::format("; to have it: --before-xid {}", xid);
      plan.notes.push_back(
          fmt::format("the target lies within the drop of {}: the copy cannot use it{}",
                      named(what, reached.backup), instead));
    }
    for (const catalog::ManifestTablespace& tablespace : reached.conclusion.tablespaces) {
      plan.tablespaces.push_back({tablespace.oid, tablespace.location});
    }
    plan.replayed_tablespaces = passed.tablespaces;
    plan.limits = passed.limits;
    plan.restore_bytes = reached.backup.bytes_raw;
    TRY(follow(chain, reached, plan));
    return plan;
  }

  void note_removal(const TargetSearch& search, RecoveryPlan& plan) const {
    plan.before_removal = search.stopped_before_removal();
    if (!plan.before_removal) return;
    RecoveryPlan::Removal& removal = *plan.before_removal;
    removal.what = named(removal.what, plan.backup);
    plan.notes.push_back(fmt::format(
        "transaction {} removed the files of {} before it committed: replay ends before that, at "
        "{}{}",
        removal.xid, removal.what, removal.at.text(),
        removal.between == 0
            ? ""
            : fmt::format("; the {} commits in between are given up too", removal.between)));
  }

  // A database by its name, where the backup knows it.
  std::string named(std::string what, const BackupSummary& backup) const {
    const Result<catalog::Names> names =
        catalog::get_names(objects_, archive_->layout().names(backup.id));
    if (!names.ok()) return what;
    for (const catalog::NamedDatabase& database : names->databases) {
      if (what == fmt::format("database {}", database.oid)) return "database " + database.name;
    }
    return what;
  }

  // The timeline that PostgreSQL is told to follow: the one that holds the last record replayed. It
  // writes the timeline it was told into the copy's history, as left where replay ended; a
  // descendant, which began later, would make no sense there.
  Result<void> follow(const WalChain& chain, const Reached& reached, RecoveryPlan& plan) {
    StopPoint stop = reached.stop;
    const pg::TimelineId holder = chain.history().timeline_of({stop.end.value - 1});
    if (holder != chain.timeline()) {
      StopPoint within = stop;
      // Stopping before the child's first record is stopping after the last before it.
      if (stop.target >= *chain.history().end_of(holder)) {
        within = {stop.last, true, stop.end, stop.last, stop.end};
      }
      Result<WalChain> own = WalChain::load(*lists_, holder);
      if (!own.ok() && own.error().kind != ErrorKind::kMissing) return std::move(own).error();
      // After a promotion the parent's last segment may only be there as the child's.
      if (own.ok() && own->end_of_stretch(reached.backup.start_lsn) >= within.read_to) {
        return replay(*own, within, reached.backup, plan);
      }
    }
    return replay(chain, stop, reached.backup, plan);
  }

  static Result<void> replay(const WalChain& chain, const StopPoint& stop,
                             const BackupSummary& backup, RecoveryPlan& plan) {
    const uint64_t segment_bytes = chain.segment_bytes();
    plan.timeline = chain.timeline();
    plan.target_lsn = stop.target;
    plan.inclusive = stop.inclusive;
    plan.segments =
        (stop.read_to.value - 1) / segment_bytes - backup.start_lsn.value / segment_bytes + 1;
    plan.wal_bytes = stop.end - backup.start_lsn;
    plan.fetch_bytes = catalog::stored_bytes_of(std::span(&backup, 1)) +
                       chain.stored_bytes(backup.start_lsn, stop.read_to);
    return success();
  }

  Result<void> note_other_timelines(const WalChain& chain, const Reached& reached,
                                    RecoveryPlan& plan) {
    for (const OtherTimeline& other : plan.other_timelines) {
      std::optional<std::string> note = TRY(means_something_else(
          options_.target, reached.stop, other, reached.control, *lists_, stop_));
      if (note) plan.notes.push_back(*std::move(note));
    }
    if (options_.target.kind != TargetKind::kImmediate) return success();
    const BackupSummary& newest = backups_.back();
    if (newest.stopped_at > plan.backup.stopped_at && !catalog::lies_on(newest, chain.history())) {
      plan.notes.push_back(fmt::format(
          "backup {}, ended {}, is newer, and of timeline {}: --timeline {}", newest.id.text,
          show_time(newest.stopped_at), newest.timeline.value, newest.timeline.value));
    }
    return success();
  }

  // The refusal, with what would work.
  Result<RecoveryPlan> unreachable(const WalChain& chain, Unreached why,
                                   const std::vector<OtherTimeline>& others) {
    if (std::optional<Error> damaged = manifests_->why_none()) return *std::move(damaged);
    std::erase_if(backups_,
                  [&](const BackupSummary& backup) { return manifests_->passed_over(backup.id); });
    why.current = is_current(chain);
    const auto& switches = chain.history().switches();
    if (!chain.has_own_wal() && !switches.empty()) why.left = switches.back();
    catalog::TimelineWindows found =
        TRY(catalog::find_windows_on(*archive_, chain, backups_, catalog::Stretches::kAll));
    why.windows = std::move(found.windows);
    for (const WalChain::Stretch& gap : chain.gaps()) {
      why.missing.push_back(
          {gap.begin, gap.end, chain.file_name(gap.begin), chain.file_name({gap.end.value - 1})});
    }
    for (const OtherTimeline& other : others) {
      const WalChain other_chain = TRY(WalChain::load(*lists_, other.timeline));
      TimelineSearch search(options_, *manifests_, *archive_, other_chain, stop_);
      const Result<std::optional<Reached>> there = search.run(backups_);
      if (there.ok() && *there) why.held_by.push_back(other.timeline);
    }
    return refuse(why);
  }

  const PlanOptions& options_;
  store::ObjectStore& objects_;
  Progress& progress_;
  std::stop_token stop_;
  std::optional<catalog::WalArchive> archive_;
  std::optional<catalog::SegmentLists> lists_;
  std::vector<pg::TimelineId> timelines_;  // oldest first
  std::vector<BackupSummary> backups_;     // oldest first
  std::optional<Manifests> manifests_;
  std::vector<Error> unreadable_;  // backups that were passed over
};

}  // namespace

Result<RecoveryPlan> make_plan(const PlanOptions& options, store::ObjectStore& objects,
                               Progress& progress, std::stop_token stop) {
  return Planner(options, objects, progress, std::move(stop)).plan();
}

}  // namespace walkback::restore
