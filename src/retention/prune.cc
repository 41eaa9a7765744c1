#include "retention/prune.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "base/human.h"
#include "catalog/backups.h"
#include "catalog/events.h"
#include "catalog/leases.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/reserve.h"
#include "catalog/wal_archive.h"
#include "retention/lineage_facts.h"
#include "retention/pack_ids.h"

namespace walkback::retention {

namespace {

using catalog::BackupId;
using catalog::BackupSummary;
using catalog::Lease;
using catalog::LeaseKind;

// As many as a bucket removes with one request.
constexpr size_t kAtOnce = 1000;
constexpr size_t kSegmentNameLength = 24;
// An hour without a backup or a commit is nothing.
constexpr std::chrono::hours kWorthSaying{1};

struct PackObject {
  store::ObjectKey key;
  uint64_t bytes = 0;
  PackId id;
};

class LineagePrune {
 public:
  LineagePrune(const PruneOptions& options, catalog::Lineage lineage, bool is_current,
               store::ObjectStore& objects, Clock& clock, Random& random, Progress& progress,
               std::stop_token stop)
      : options_(options),
        is_current_(is_current),
        objects_(objects),
        archive_(objects, options.cluster, std::move(lineage)),
        clock_(clock),
        random_(random),
        progress_(progress),
        stop_(std::move(stop)) {}

  Result<void> read() {
    report_.system_identifier = archive_.lineage().system_identifier;
    progress_.begin("reading what is there", 0);
    known_ = TRY(read_lineage_facts(objects_, archive_, options_.policy, is_current_, progress_));
    return success();
  }
  // The latest moment of which it has backups or WAL, but for what lies behind `now`.
  std::optional<Timestamp> last_sign(Timestamp now) const {
    std::optional<Timestamp> last;
    for (const BackupSummary& backup : known_.facts.backups) {
      if (backup.stopped_at <= now)
        last = std::max(last.value_or(backup.stopped_at), backup.stopped_at);
    }
    if (known_.last_of_wal) {
      const Timestamp of_wal = std::min(*known_.last_of_wal, now);
      last = std::max(last.value_or(of_wal), of_wal);
    }
    return last;
  }

  Result<LineageReport> run(Timestamp now) {
    now_ = now;
    TRY(plan_with_whole_backups());
    // Phase one: say what is to go. Who comes from here on takes none of it.
    if (!options_.dry_run) {
      TRY(catalog::with_reserve(objects_, options_.cluster, [this] { return put_mark(); }));
    }
    // Before the leases: whose packs are here has put its lease, or has ended.
    TRY(list_packs());
    TRY(respect_leases());
    TRY(sort_packs());

    // Phase two. The manifest first: what is no backup any more may lose its parts in any order.
    TRY(remove_backups());
    begin_removing("packs");
    TRY(remove_all(packs_to_go_));
    begin_removing("WAL");
    TRY(remove_wal());
    is_done_ = true;
    look_how_far_back();
    return std::move(report_);
  }

  // The backups that are no more: by this prune, however it ended, and by others whose marks it
  // found.
  std::vector<BackupId> removed() const {
    std::set<BackupId> all = of_the_killed_;
    all.insert(removed_.begin(), removed_.end());
    return {all.begin(), all.end()};
  }
  // Once an event says what it removed. Of one that failed the mark stays, for the next to find.
  Result<void> forget_mark() {
    if (!is_done_ || !lease_) return success();
    return catalog::remove_mark(objects_, options_.cluster, lease_->id());
  }

 private:
  // Before others go because of it, a backup is looked at: whether its manifest is what it was.
  Result<void> plan_with_whole_backups() {
    progress_.begin("looking at the backups that are kept", 0);
    std::set<BackupId> whole;
    for (bool again = true; again;) {
      again = false;
      report_.plan = plan(options_.policy, known_.facts, now_);
      for (const Decision& decision : report_.plan.decisions) {
        const BackupId& id = decision.backup.id;
        if (!decision.relied_on || known_.facts.unsound.contains(id) || !whole.insert(id).second) {
          continue;
        }
        const auto read = catalog::read_conclusion(objects_, archive_.layout(), decision.backup);
        if (read.ok()) continue;
        const bool is_damage =
            read.error().kind == ErrorKind::kCorrupt || read.error().kind == ErrorKind::kMissing;
        // Whoever holds no key prunes by what is listed.
        if (!is_damage && read.error().kind != ErrorKind::kDenied) return read.error();
        if (!is_damage) continue;
        known_.facts.unsound[id] = read.error().message;
        again = true;
      }
    }
    for (const auto& [id, why] : known_.facts.unsound) {
      progress_.note(fmt::format("backup {} does not count: {}", id.text, why));
    }
    return success();
  }

  Result<void> put_mark() {
    catalog::LeaseClaim claim;
    claim.kind = LeaseKind::kPrune;
    claim.system_identifier = archive_.lineage().system_identifier;
    claim.what = "prune";
    lease_ = TRY(catalog::HeldLease::take(objects_, options_.cluster, claim, clock_, random_));
    catalog::PruneMark mark{lease_->id(), claim.system_identifier, {}, {}};
    of_the_killed_.clear();
    for (const catalog::PruneMark& other : TRY(catalog::list_marks(objects_, options_.cluster))) {
      if (other.system_identifier == mark.system_identifier) TRY(take_over(other));
    }
    mark.removed.assign(of_the_killed_.begin(), of_the_killed_.end());
    for (const Decision& decision : report_.plan.decisions) {
      if (!decision.keep()) mark.removed.push_back(decision.backup.id);
      if (decision.keep() && !decision.with_wal) mark.thinned.push_back(decision.backup.id);
    }
    return catalog::put_mark(objects_, options_.cluster, mark);
  }

  // What a prune removed that was killed then is in its mark alone, and that goes with this one.
  Result<void> take_over(const catalog::PruneMark& mark) {
    for (const BackupId& id : mark.removed) {
      if (!TRY(objects_.info(archive_.layout().manifest(id)))) of_the_killed_.insert(id);
    }
    return success();
  }

  // Leases seen now are older than the mark's readers: what they claim stays after all.
  Result<void> respect_leases() {
    std::vector<Lease> leases = TRY(catalog::list_leases(objects_, options_.cluster));
    const std::vector<catalog::PruneMark> marks =
        TRY(catalog::list_marks(objects_, options_.cluster));
    std::set<std::string> in_the_way;
    for (const Lease& lease : leases) {
      if (lease.claim.system_identifier != archive_.lineage().system_identifier) continue;
      if (lease.claim.kind == LeaseKind::kPrune) {
        if (!lease_ || lease.id != lease_->id()) in_the_way.insert(lease.id);
      } else {
        in_the_way.insert(lease.id);
      }
    }
    std::set<std::string> dead;
    if (!options_.dry_run && !in_the_way.empty()) {
      progress_.begin("asking who uses the repository", 0);
      dead = TRY(
          catalog::find_dead(objects_, options_.cluster, in_the_way, clock_, stop_, lease_.get()));
    }
    if (!options_.dry_run) TRY(clear_the_dead(leases, marks, dead));
    for (const Lease& lease : leases) {
      if (!in_the_way.contains(lease.id) || dead.contains(lease.id)) continue;
      if (lease.claim.kind == LeaseKind::kWrite) writer_lives_ = true;
      const std::string who = fmt::format("{} on {}", lease.claim.what, lease.claim.host);
      if (lease.claim.backup) {
        known_.facts.leased[*lease.claim.backup] = who;
      } else if (lease.claim.kind == LeaseKind::kRead) {
        for (const BackupSummary& backup : known_.facts.backups)
          known_.facts.leased[backup.id] = who;
      }
    }
    // A pin that was put before the mark, and after the facts were read, did not see the mark.
    known_.facts.pins = TRY(catalog::list_pins(objects_, archive_.layout()));
    report_.plan = plan(options_.policy, known_.facts, now_);
    return success();
  }

  Result<void> clear_the_dead(const std::vector<Lease>& leases,
                              const std::vector<catalog::PruneMark>& marks,
                              const std::set<std::string>& dead) {
    for (const catalog::PruneMark& mark : marks) {
      // A mark is put after its lease and removed before it.
      const bool has_lease = std::ranges::find(leases, mark.lease, &Lease::id) != leases.end();
      const bool is_own = lease_ && mark.lease == lease_->id();
      if (is_own || (has_lease && !dead.contains(mark.lease))) continue;
      if (mark.system_identifier != archive_.lineage().system_identifier) continue;
      TRY(take_over(mark));
      TRY(catalog::remove_mark(objects_, options_.cluster, mark.lease));
    }
    for (const Lease& lease : leases) {
      if (dead.contains(lease.id)) {
        TRY(catalog::remove_lease(objects_, options_.cluster, lease));
      }
    }
    return success();
  }

  Result<void> list_packs() {
    progress_.begin("listing packs", 0);
    const std::string backups = archive_.layout().backups_folder();
    TRY(objects_.list(backups, "", [&](const store::ObjectInfo& info) {
      const std::string rest = info.key.text().substr(backups.size());
      folders_[BackupId{rest.substr(0, rest.find('/'))}].push_back(info.key);
      return true;
    }));
    for (const std::string& prefix :
         {archive_.layout().pack_prefix(), archive_.layout().map_prefix()}) {
      const std::string sort = prefix.substr(prefix.rfind('/') + 1);
      TRY(objects_.list(prefix + "/", "", [&](const store::ObjectInfo& info) {
        std::string_view name = info.key.text();
        name.remove_prefix(name.rfind('/') + 1);
        if (const auto id = pack_id(sort, name.substr(0, name.find('.')))) {
          packs_.push_back({info.key, info.size, *id});
        }
        return true;
      }));
    }
    return success();
  }

  void look_how_far_back() {
    const auto earlier = [](std::optional<LineageReport::Reach>& reach, const BackupSummary& one) {
      if (!reach || one.stopped_at < reach->from) reach = {one.id, one.stopped_at};
    };
    for (const Decision& decision : report_.plan.decisions) {
      const BackupSummary& backup = decision.backup;
      if (!decision.keep() || known_.facts.unsound.contains(backup.id)) continue;
      earlier(report_.earliest, backup);
      const auto chain = known_.chains.find(backup.timeline);
      const bool wal_stays = decision.with_wal || report_.plan.keeps_all_wal;
      if (wal_stays && chain != known_.chains.end() && goes_on(chain->second, backup)) {
        earlier(report_.earliest_with_wal, backup);
      }
    }
  }

  // An earlier prune may have removed what came after it.
  bool goes_on(const catalog::WalChain& chain, const BackupSummary& backup) const {
    const auto stretches = chain.stretches();
    return !stretches.empty() && chain.end_of_stretch(backup.start_lsn) >= stretches.back().begin;
  }

  // What kept backups refer to stays. So does what nothing refers to while a backup runs.
  Result<void> sort_packs() {
    PackIds kept, removed;
    for (const Decision& decision : report_.plan.decisions) {
      TRY(add_packs(decision.backup, decision.keep() ? kept : removed));
    }
    // Of those that were finished since: they were not there for the plan, and stay.
    for (const BackupSummary& backup : TRY(catalog::list_backups(objects_, archive_.layout()))) {
      const bool is_new = std::ranges::find(known_.facts.backups, backup.id, &BackupSummary::id) ==
                          known_.facts.backups.end();
      if (is_new) TRY(add_packs(backup, kept));
    }
    for (const PackObject& pack : packs_) {
      if (kept.contains(pack.id)) continue;
      if (!removed.contains(pack.id) && writer_lives_) {
        ++report_.garbage_left;
        continue;
      }
      if (!removed.contains(pack.id)) {
        ++report_.garbage_removed;
        report_.garbage_bytes += pack.bytes;
      }
      packs_to_go_.push_back(pack.key);
      ++report_.packs_removed;
      report_.pack_bytes += pack.bytes;
    }
    packs_.clear();
    return success();
  }

  Result<void> remove_backups() {
    begin_removing("backups");
    std::set<BackupId> removed;
    for (const Decision& decision : report_.plan.decisions) {
      if (decision.keep()) continue;
      const BackupId& id = decision.backup.id;
      TRY(remove_all({archive_.layout().manifest(id)}));
      removed.insert(id);
      if (!options_.dry_run) removed_.insert(id);
    }
    std::vector<store::ObjectKey> parts;
    for (const auto& [id, keys] : folders_) {
      // What attempts left that did not end, and prunes that were killed at this point.
      if (!removed.contains(id) &&
          (writer_lives_ || TRY(objects_.info(archive_.layout().manifest(id))))) {
        continue;
      }
      parts.insert(parts.end(), keys.begin(), keys.end());
    }
    return remove_all(parts);
  }

  // Oldest first, and a segment before its index: what remains is what the windows say.
  Result<void> remove_wal() {
    if (report_.plan.keeps_all_wal) return success();
    // Of a timeline that came since nothing was decided.
    for (const pg::TimelineId timeline : known_.timelines) {
      std::vector<store::ObjectKey> segments, others;
      TRY(objects_.list(archive_.layout().timeline_folder(timeline), "",
                        [&](const store::ObjectInfo& info) {
                          sort_wal(info, segments, others);
                          return true;
                        }));
      TRY(remove_all(segments));
      TRY(remove_all(others));
    }
    return success();
  }

  void sort_wal(const store::ObjectInfo& info, std::vector<store::ObjectKey>& segments,
                std::vector<store::ObjectKey>& others) {
    const std::string name = info.key.text().substr(info.key.text().rfind('/') + 1);
    const Result<pg::SegmentName> segment =
        pg::SegmentName::parse(name.substr(0, kSegmentNameLength), archive_.segment_bytes());
    // Histories are small, and stay.
    if (!segment.ok() || report_.plan.needs(*segment)) return;
    report_.wal_bytes += info.size;
    const bool is_segment = name.substr(kSegmentNameLength).starts_with(".zst");
    if (is_segment) ++report_.segments_removed;
    (is_segment ? segments : others).push_back(info.key);
  }

  void begin_removing(std::string_view what) {
    progress_.begin(fmt::format("{} {}", options_.dry_run ? "counting" : "removing", what), 0);
  }

  Result<void> remove_all(const std::vector<store::ObjectKey>& keys) {
    if (options_.dry_run) return success();
    for (size_t at = 0; at < keys.size(); at += kAtOnce) {
      if (stop_.stop_requested()) {
        return make_error(ErrorKind::kCancelled, "interrupted while removing",
                          "what is left is right; the next prune goes on");
      }
      // Somebody who took this prune for dead may rely on what it was about to remove.
      TRY(lease_->check_held());
      TRY(objects_.remove_all(std::span(keys).subspan(at, std::min(kAtOnce, keys.size() - at))));
    }
    return success();
  }

  const PruneOptions& options_;
  const bool is_current_;
  store::ObjectStore& objects_;
  catalog::WalArchive archive_;
  Clock& clock_;
  Random& random_;
  Progress& progress_;
  std::stop_token stop_;
  // One moment for both decisions: what goes is what the mark said, or less.
  Timestamp now_;
  LineageFacts known_;
  std::unique_ptr<catalog::HeldLease> lease_;
  std::map<BackupId, std::vector<store::ObjectKey>> folders_;
  std::vector<PackObject> packs_;
  std::vector<store::ObjectKey> packs_to_go_;
  bool writer_lives_ = false;
  bool is_done_ = false;
  std::set<BackupId> removed_, of_the_killed_;
  LineageReport report_;
};

Result<PruneReport> prune_all(const PruneOptions& options, store::ObjectStore& objects,
                              Clock& clock, Random& random, Progress& progress,
                              std::stop_token stop, std::list<LineagePrune>& prunes) {
  PruneReport report;
  report.dry_run = options.dry_run;
  const std::vector<catalog::Lineage> lineages =
      TRY(catalog::list_lineages(objects, options.cluster));
  const Timestamp now = clock.now();
  std::optional<Timestamp> last_sign;
  for (const catalog::Lineage& lineage : lineages) {
    const bool is_current = &lineage == &lineages.back();
    LineagePrune& prune =
        prunes.emplace_back(options, lineage, is_current, objects, clock, random, progress, stop);
    TRY(prune.read());
    const std::optional<Timestamp> its_last = prune.last_sign(now);
    if (its_last) last_sign = std::max(last_sign.value_or(*its_last), *its_last);
  }
  const Timestamp until = std::min(now, last_sign.value_or(now));
  if (options.policy.window && now - until > kWorthSaying) {
    progress.note(fmt::format("the window ends {}, with the last that is known of the cluster",
                              local_second(until)));
  }
  for (LineagePrune& prune : prunes) report.lineages.push_back(TRY(prune.run(until)));
  return report;
}

std::string in_short(const PruneReport& report) {
  uint64_t backups = 0, segments = 0, packs = 0;
  for (const LineageReport& lineage : report.lineages) {
    backups += static_cast<uint64_t>(std::ranges::count_if(
        lineage.plan.decisions, [](const Decision& decision) { return !decision.keep(); }));
    segments += lineage.segments_removed;
    packs += lineage.packs_removed;
  }
  return fmt::format("removed {} backups, {} packs, {} WAL segments", backups, packs, segments);
}

}  // namespace

Result<PruneReport> run_prune(const PruneOptions& options, store::ObjectStore& objects,
                              Clock& clock, Random& random, Progress& progress,
                              std::stop_token stop) {
  std::list<LineagePrune> prunes;
  if (options.dry_run) return prune_all(options, objects, clock, random, progress, stop, prunes);
  catalog::Event event = catalog::new_event("prune", clock, random);
  event.removed.emplace();
  catalog::EventRecorder recorder(objects, options.cluster, clock);
  // What removes must be seen to have removed.
  TRY(catalog::with_reserve(objects, options.cluster, [&] { return recorder.begin(event); }));
  Result<PruneReport> report =
      prune_all(options, objects, clock, random, progress, std::move(stop), prunes);
  if (report.ok()) event.detail = in_short(*report);
  for (const LineagePrune& prune : prunes) {
    const std::vector<BackupId> removed = prune.removed();
    event.removed->insert(event.removed->end(), removed.begin(), removed.end());
  }
  const Result<void> recorded = recorder.end(event, report.ok() ? nullptr : &report.error());
  if (!recorded.ok()) {
    progress.note("the history has no end for this prune: " + recorded.error().message);
  }
  // Only now: until then a verification goes by the mark.
  for (LineagePrune& prune : prunes) {
    const Result<void> forgotten = recorded.ok() ? prune.forget_mark() : success();
    if (!forgotten.ok() && report.ok()) report = forgotten.error();
  }
  // Where there is no room for it yet, the next prune or backup puts it.
  (void)catalog::keep_reserve(objects, options.cluster, random);
  return report;
}

}  // namespace walkback::retention
