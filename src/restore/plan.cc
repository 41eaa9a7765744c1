#include "restore/plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "catalog/backups.h"
#include "catalog/lineage.h"
#include "catalog/listing.h"
#include "catalog/manifest.h"
#include "catalog/recovery_windows.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "catalog/wal_stream.h"
#include "pg/control_file.h"
#include "restore/target_search.h"

namespace walkback::restore {

namespace {

using catalog::BackupSummary;
using catalog::WalChain;

std::string describe(const RecoveryTarget& target) {
  switch (target.kind) {
    case TargetKind::kTime:
      return show_time(target.time);
    case TargetKind::kXid:
      return fmt::format("transaction {}", target.xid);
    case TargetKind::kBeforeXid:
      return fmt::format("the moment before transaction {}", target.xid);
    case TargetKind::kLsn:
      return fmt::format("LSN {}", target.lsn.text());
    case TargetKind::kName:
      return fmt::format("restore point '{}'", target.name);
    case TargetKind::kLatest:
      return "the latest moment";
    case TargetKind::kImmediate:
      return "the end of a backup";
  }
  return "the target";
}

// Why one backup on one timeline does not reach the target.
struct NotReached {
  std::string reason;
  ErrorKind kind = ErrorKind::kInvalid;
};
struct Reached {
  StopPoint stop;
  TargetSearch search;
  catalog::ManifestConclusion conclusion;
};
using Attempt = std::variant<Reached, NotReached>;

class Planner {
 public:
  Planner(const PlanOptions& options, store::ObjectStore& objects, Progress& progress,
          std::stop_token stop)
      : options_(options), objects_(objects), progress_(progress), stop_(std::move(stop)) {}

  Result<RecoveryPlan> plan() {
    TRY(find_lineage());
    const std::vector<pg::TimelineId> timelines = TRY(candidate_timelines());
    backups_ = TRY(catalog::list_backups(objects_, archive_->layout()));
    if (backups_.empty()) {
      return make_error(ErrorKind::kInvalid,
                        fmt::format("cluster '{}' has no backup yet", options_.cluster),
                        "take one: walkback backup");
    }
    progress_.begin("reading the WAL for the target", 0);
    std::optional<NotReached> why;
    for (pg::TimelineId timeline : timelines) {
      std::variant<RecoveryPlan, NotReached> outcome = TRY(plan_on(timeline));
      if (auto* plan = std::get_if<RecoveryPlan>(&outcome)) return std::move(*plan);
      // The newest timeline's reason: the one that the user most likely means.
      if (!why) why = std::get<NotReached>(outcome);
    }
    return unreachable(why.value_or(NotReached{"there is no WAL in the repository"}));
  }

 private:
  Result<void> find_lineage() {
    const std::vector<catalog::Lineage> lineages =
        TRY(catalog::list_lineages(objects_, options_.cluster));
    for (const catalog::Lineage& lineage : lineages) {
      if (options_.lineage && lineage.system_identifier != *options_.lineage) continue;
      archive_.emplace(objects_, options_.cluster, lineage);
    }
    if (archive_) return success();
    return make_error(
        ErrorKind::kMissing,
        fmt::format("{} holds nothing of cluster '{}'", objects_.description(), options_.cluster),
        "check --cluster and the repository's URL in the configuration");
  }

  // Newest first, or the one that was asked for.
  Result<std::vector<pg::TimelineId>> candidate_timelines() {
    std::vector<pg::TimelineId> timelines = TRY(archive_->timelines());
    std::reverse(timelines.begin(), timelines.end());
    if (!options_.timeline) return timelines;
    if (std::ranges::find(timelines, *options_.timeline) != timelines.end()) {
      return std::vector{*options_.timeline};
    }
    std::string known;
    for (pg::TimelineId timeline : timelines) {
      known = fmt::format("{}{}{}", timeline.value, known.empty() ? "" : ", ", known);
    }
    return make_error(ErrorKind::kInvalid,
                      fmt::format("timeline {} is not in the repository", options_.timeline->value),
                      known.empty() ? "nothing was archived yet" : "timelines there are: " + known);
  }

  Result<std::variant<RecoveryPlan, NotReached>> plan_on(pg::TimelineId timeline) {
    using Outcome = std::variant<RecoveryPlan, NotReached>;
    Result<WalChain> chain = WalChain::load(*archive_, timeline);
    if (!chain.ok()) {
      if (chain.error().kind != ErrorKind::kMissing) return std::move(chain).error();
      return Outcome(NotReached{chain.error().message});
    }
    std::vector<BackupSummary> usable;
    for (const BackupSummary& backup : backups_) {
      if (catalog::lies_on(backup, chain->history())) usable.push_back(backup);
    }
    // The newest first: the least WAL to replay.
    std::ranges::sort(usable, std::ranges::greater(), &BackupSummary::stop_lsn);
    std::optional<NotReached> why;
    for (size_t i = 0; i < usable.size(); ++i) {
      Attempt attempt = TRY(try_backup(usable[i], *chain));
      if (auto* reached = std::get_if<Reached>(&attempt)) {
        return Outcome(compose(usable[i], *chain, std::move(*reached)));
      }
      if (!why) why = std::get<NotReached>(std::move(attempt));
    }
    return Outcome(
        why.value_or(NotReached{fmt::format("no backup leads to timeline {}", timeline.value)}));
  }

  Result<Attempt> try_backup(const BackupSummary& backup, const WalChain& chain) {
    if (std::optional<std::string> too_late = lies_behind(backup))
      return Attempt(NotReached{*too_late});
    const uint32_t segment_bytes = chain.segment_bytes();
    const uint64_t first = backup.start_lsn.value / segment_bytes;
    const uint64_t needed = (backup.stop_lsn.value - 1) / segment_bytes;
    const uint64_t missing = chain.first_missing(first);
    if (missing <= needed) {
      return Attempt(NotReached{
          fmt::format("backup {} lacks WAL segment {}, without which it is not consistent",
                      backup.id.text, segment_text(missing, chain))});
    }
    catalog::ManifestConclusion conclusion =
        TRY(catalog::read_conclusion(objects_, archive_->layout(), backup.id));
    const pg::ControlFile control =
        TRY_CONTEXT(pg::parse_control_file(conclusion.pg_control), "backup " + backup.id.text);
    TargetSearch search(options_.target, control, backup.stop_lsn);
    std::optional<Error> unreadable;
    const catalog::WalEnd end = TRY(catalog::read_wal(*archive_, chain, backup.start_lsn, missing,
                                                      stop_, [&](const wal::Record& record) {
                                                        Result<void> seen = search.see(record);
                                                        if (!seen.ok())
                                                          unreadable = std::move(seen).error();
                                                        return seen.ok();
                                                      }));
    search.finish();
    if (std::optional<NotReached> cut = cut_short(search, end, unreadable, chain, missing)) {
      return Attempt(*std::move(cut));
    }
    if (!search.stop())
      return Attempt(NotReached{why_not(search, end, unreadable, chain, missing)});
    if (search.stop()->end < backup.stop_lsn) {
      return Attempt(NotReached{fmt::format("{} lies before the end of backup {}, at {}",
                                            describe(options_.target), backup.id.text,
                                            show_time(backup.stopped_at))});
    }
    TRY(refuse_ambiguous(search));
    const StopPoint stop = *search.stop();
    return Attempt(Reached{stop, std::move(search), std::move(conclusion)});
  }

  // What can be said without reading WAL.
  std::optional<std::string> lies_behind(const BackupSummary& backup) const {
    const bool by_time =
        options_.target.kind == TargetKind::kTime && backup.stopped_at > options_.target.time;
    const bool by_lsn =
        options_.target.kind == TargetKind::kLsn && backup.stop_lsn > options_.target.lsn;
    if (!by_time && !by_lsn) return std::nullopt;
    return fmt::format("{} lies before the end of backup {}, at {} ({})", describe(options_.target),
                       backup.id.text, show_time(backup.stopped_at), backup.stop_lsn.text());
  }

  // "Latest" must not quietly mean "up to where a hole or damage begins".
  std::optional<NotReached> cut_short(const TargetSearch& search, const catalog::WalEnd& end,
                                      const std::optional<Error>& unreadable, const WalChain& chain,
                                      uint64_t missing) const {
    if (options_.target.kind != TargetKind::kLatest || !search.stop()) return std::nullopt;
    Error problem;
    if (unreadable) {
      problem = *unreadable;
    } else if (end.problem) {
      problem = *end.problem;
    } else if (chain.first_present(missing)) {
      problem = make_error(ErrorKind::kInvalid,
                           fmt::format("WAL segment {} is missing", segment_text(missing, chain)));
    } else {
      return std::nullopt;
    }
    return NotReached{fmt::format("{}; what lies before it is recovered with --lsn {}",
                                  problem.message, search.stop()->end.text()),
                      problem.kind};
  }

  std::string why_not(const TargetSearch& search, const catalog::WalEnd& end,
                      const std::optional<Error>& unreadable, const WalChain& chain,
                      uint64_t missing) const {
    if (search.rolled_back()) {
      return fmt::format("transaction {} was rolled back at {}: it changed nothing",
                         *search.rolled_back()->xid, show_time(*search.rolled_back()->time));
    }
    std::string why = describe(options_.target);
    why += options_.target.kind == TargetKind::kTime || options_.target.kind == TargetKind::kLsn
               ? " lies behind the WAL in the repository"
               : " is not in the WAL that can be read";
    if (search.last_timed()) {
      why += fmt::format(", whose last transaction ended at {} ({})",
                         show_time(*search.last_timed()->time), search.last_timed()->lsn.text());
    }
    if (unreadable) why += "; " + unreadable->message;
    if (end.problem) why += "; " + end.problem->message;
    if (chain.first_present(missing)) {
      why += fmt::format("; WAL segment {} is missing", segment_text(missing, chain));
    }
    return why;
  }

  Result<void> refuse_ambiguous(const TargetSearch& search) const {
    if (search.candidates().size() < 2) return success();
    std::string candidates;
    for (uint64_t candidate : search.candidates()) {
      candidates += fmt::format("{}{}", candidates.empty() ? "" : ", ", candidate);
    }
    return make_error(
        ErrorKind::kInvalid,
        fmt::format("xid {} may mean several transactions: the 32-bit number was used again",
                    options_.target.xid),
        "give one of these, with the epoch in it: " + candidates);
  }

  std::string segment_text(uint64_t number, const WalChain& chain) const {
    const pg::TimelineId timeline =
        chain.history().timeline_of(pg::Lsn{number * chain.segment_bytes()});
    return pg::SegmentName{timeline, number}.text(chain.segment_bytes());
  }

  RecoveryPlan compose(const BackupSummary& backup, const WalChain& chain, Reached reached) const {
    const TargetSearch& search = reached.search;
    const TargetSearch::Passed& passed = search.passed();
    const uint32_t segment_bytes = chain.segment_bytes();
    RecoveryPlan plan;
    plan.target = options_.target;
    plan.backup = backup;
    plan.target_lsn = reached.stop.target;
    plan.inclusive = reached.stop.inclusive;
    plan.end_lsn = reached.stop.end;
    plan.timeline = chain.history().timeline();
    plan.last_replayed = passed.last;
    plan.first_left_out = search.first_left_out();
    plan.commits_replayed = passed.commits;
    plan.commits_given_up = search.commits_given_up();
    plan.earlier_times_left_out = search.earlier_times_left_out();
    plan.notes = search.notes();
    for (const auto& [xid, name] : passed.prepared) {
      plan.notes.push_back(
          fmt::format("prepared transaction '{}' (xid {}) survives and holds its locks; to end it: "
                      "ROLLBACK PREPARED '{}'",
                      name, xid, name));
    }
    const uint64_t first = backup.start_lsn.value / segment_bytes;
    // The record at the target is read even when it is not replayed.
    const uint64_t last = plan.target_lsn.value / segment_bytes;
    plan.segments = last - first + 1;
    plan.wal_bytes = plan.end_lsn - backup.start_lsn;
    plan.restore_bytes = backup.bytes_raw;
    plan.fetch_bytes = backup.bytes_stored + chain.stored_bytes(first, last + 1);
    for (const catalog::ManifestTablespace& tablespace : reached.conclusion.tablespaces) {
      plan.tablespaces.push_back({tablespace.oid, tablespace.location});
    }
    plan.replayed_tablespaces = passed.tablespaces;
    plan.limits = passed.limits;
    return plan;
  }

  // The refusal, with what would work.
  Error unreachable(NotReached why) const {
    std::string hint;
    Result<catalog::LineageWindows> windows = catalog::find_windows(*archive_, backups_);
    if (windows.ok()) {
      for (const catalog::RecoveryWindow& window : windows->windows) {
        hint += fmt::format("{}{} to {} (LSN {} to {}, timeline {})", hint.empty() ? "" : "; ",
                            show_time(window.from), show_time(window.to), window.from_lsn.text(),
                            window.to_lsn.text(), window.timeline.value);
      }
    }
    if (hint.empty()) {
      hint = "no backup has all the WAL it needs; `walkback list` shows every gap";
    } else {
      hint = "recovery is possible from " + hint +
             "; the end is reached with --latest, and what the server has not archived yet arrives "
             "after SELECT pg_switch_wal()";
    }
    return make_error(why.kind, std::move(why.reason), std::move(hint));
  }

  const PlanOptions& options_;
  store::ObjectStore& objects_;
  Progress& progress_;
  std::stop_token stop_;
  std::optional<catalog::WalArchive> archive_;
  std::vector<BackupSummary> backups_;
};

}  // namespace

Result<RecoveryPlan> make_plan(const PlanOptions& options, store::ObjectStore& objects,
                               Progress& progress, std::stop_token stop) {
  return Planner(options, objects, progress, std::move(stop)).plan();
}

}  // namespace walkback::restore
