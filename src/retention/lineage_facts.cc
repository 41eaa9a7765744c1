#include "retention/lineage_facts.h"

#include <fmt/format.h>

#include <utility>

#include "base/human.h"
#include "catalog/backups.h"
#include "catalog/pins.h"
#include "catalog/recovery_windows.h"
#include "catalog/verified.h"
#include "retention/pack_ids.h"

namespace walkback::retention {

namespace {

using catalog::BackupSummary;

class Reading {
 public:
  Reading(store::ObjectStore& objects, const catalog::WalArchive& archive, const Policy& policy,
          bool is_current, Progress& progress)
      : objects_(objects),
        archive_(archive),
        policy_(policy),
        is_current_(is_current),
        progress_(progress) {}

  Result<LineageFacts> read() {
    Facts& facts = known_.facts;
    facts.segment_bytes = archive_.segment_bytes();
    facts.is_current = is_current_;
    facts.backups = TRY(catalog::list_backups(objects_, archive_.layout()));
    facts.pins = TRY(catalog::list_pins(objects_, archive_.layout()));
    catalog::SegmentLists lists(archive_);
    for (const pg::TimelineId timeline : TRY(archive_.timelines())) {
      const Result<catalog::WalChain> chain = catalog::WalChain::load(lists, timeline);
      if (!chain.ok() && chain.error().kind != ErrorKind::kMissing) return chain.error();
      if (!chain.ok()) {
        facts.history_missing = true;
        progress_.note("no WAL is removed: " + chain.error().message);
        continue;
      }
      known_.timelines.push_back(timeline);
      facts.timelines.push_back({chain->history(), last_known(*chain)});
      known_.chains.emplace(timeline, *chain);
    }
    if (!facts.timelines.empty()) known_.last_of_wal = facts.timelines.back().last_known;
    // The newest may be written to at any moment.
    if (is_current_ && !facts.timelines.empty()) facts.timelines.back().last_known.reset();
    if (!facts.history_missing) add_incomplete();
    if (!policy_.keeps_everything()) TRY(add_found_damaged());
    return std::move(known_);
  }

 private:
  // What the last verification that read it found damaged, or missing.
  Result<void> add_found_damaged() {
    const auto damaged = TRY(catalog::found_damaged(objects_, archive_.layout()));
    if (damaged.empty()) return success();
    std::map<PackId, std::string> packs;
    std::map<pg::SegmentName, std::string> segments;
    std::map<std::string, std::string> others;
    for (const auto& [name, at] : damaged) {
      const std::string why = fmt::format("verify found {} damaged, {}", name, local_second(at));
      const std::string file = name.substr(name.rfind('/') + 1);
      const std::string stem = file.substr(0, file.find('.'));
      const auto pack = pack_id(name.substr(0, name.find('/')), stem);
      const Result<pg::SegmentName> segment =
          pg::SegmentName::parse(stem, archive_.segment_bytes());
      if (pack) {
        packs.emplace(*pack, why);
      } else if (segment.ok() && file.starts_with(stem + ".zst")) {
        segments.emplace(*segment, why);
      } else {
        others.emplace(name, why);
      }
    }
    for (const BackupSummary& backup : known_.facts.backups) {
      std::string why = others[name_of(archive_.layout().manifest(backup.id))];
      PackIds needed;
      TRY(add_packs(backup, needed));
      for (const auto& [id, text] : packs) {
        if (needed.contains(id)) why = text;
      }
      for (const auto& [segment, text] : segments) {
        if (needs_to_be_consistent(backup, segment)) why = text;
      }
      if (!why.empty()) known_.facts.unsound.emplace(backup.id, why);
    }
    return success();
  }

  // Below the lineage's folder, as records of verifications name objects.
  std::string name_of(const store::ObjectKey& key) const {
    return key.text().substr(archive_.layout().folder().size());
  }

  bool needs_to_be_consistent(const BackupSummary& backup, pg::SegmentName segment) const {
    const auto chain = known_.chains.find(backup.timeline);
    const pg::TimelineHistory history = chain == known_.chains.end()
                                            ? pg::TimelineHistory(backup.timeline)
                                            : chain->second.history();
    const WalNeed need{history, backup.start_lsn, backup.stop_lsn};
    return need.needs(segment, known_.facts.segment_bytes);
  }

  // A backup is listed once its WAL is there: what is missing went since.
  void add_incomplete() {
    for (const BackupSummary& backup : known_.facts.backups) {
      const auto chain = known_.chains.find(backup.timeline);
      const pg::Lsn end =
          chain == known_.chains.end() ? pg::Lsn{} : chain->second.end_of_stretch(backup.start_lsn);
      if (end >= backup.stop_lsn) continue;
      known_.facts.unsound[backup.id] =
          chain == known_.chains.end()
              ? fmt::format("nothing of timeline {} is there", backup.timeline.value)
              : fmt::format("it lacks WAL segment {}", chain->second.file_name(end));
    }
  }

  // Where it cannot be read it counts as written to just now.
  std::optional<Timestamp> last_known(const catalog::WalChain& chain) const {
    const std::vector<catalog::WalChain::Stretch> stretches = chain.stretches();
    if (!policy_.window || stretches.empty() || !chain.has_own_wal()) return std::nullopt;
    const Result<catalog::KnownTime> known =
        catalog::known_at_end(archive_, chain, stretches.back());
    return known.ok() ? known->until() : std::nullopt;
  }

  store::ObjectStore& objects_;
  const catalog::WalArchive& archive_;
  const Policy& policy_;
  const bool is_current_;
  Progress& progress_;
  LineageFacts known_;
};

}  // namespace

Result<LineageFacts> read_lineage_facts(store::ObjectStore& objects,
                                        const catalog::WalArchive& archive, const Policy& policy,
                                        bool is_current, Progress& progress) {
  return Reading(objects, archive, policy, is_current, progress).read();
}

}  // namespace walkback::retention
