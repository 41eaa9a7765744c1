#include "cost/gather.h"

#include <algorithm>
#include <set>

#include "catalog/backups.h"
#include "catalog/events.h"
#include "catalog/lineage.h"
#include "catalog/wal_archive.h"

namespace walkback::cost {

namespace {

using catalog::BackupSummary;
using catalog::StoredSegment;
using std::chrono::seconds;

constexpr std::chrono::hours kLookedBack{7 * 24};
constexpr seconds kShortest{3600};
constexpr double kMonth_s = 30.0 * 24 * 3600;

class Gathering {
 public:
  Gathering(store::ObjectStore& objects, const std::string& cluster, Timestamp now,
            const catalog::OnUnreadable& unreadable)
      : objects_(objects), cluster_(cluster), unreadable_(unreadable) {
    facts_.cluster = cluster;
    facts_.now = now;
    since_ = now + -std::chrono::microseconds(kLookedBack);
  }

  Result<Facts> run() {
    const std::vector<catalog::Lineage> lineages = TRY(catalog::list_lineages(objects_, cluster_));
    for (const catalog::Lineage& lineage : lineages) TRY(look_at(lineage));
    TRY(look_at_events());
    return std::move(facts_);
  }

 private:
  Result<void> look_at(const catalog::Lineage& lineage) {
    const catalog::WalArchive archive(objects_, cluster_, lineage);
    backups_ = TRY(catalog::list_backups(objects_, archive.layout(), unreadable_));
    newest_timeline_.clear();
    for (const pg::TimelineId timeline : TRY(archive.timelines())) {
      newest_timeline_ = TRY(archive.segments(timeline));
      for (const StoredSegment& segment : newest_timeline_) {
        ++facts_.segments;
        facts_.wal_raw += archive.segment_bytes();
        facts_.wal_stored += segment.stored_bytes;
      }
    }
    segment_bytes_ = archive.segment_bytes();
    for (const BackupSummary& backup : backups_) add(backup);
    look_at_increments();
    return success();
  }

  void add(const BackupSummary& backup) {
    ++facts_.backups;
    facts_.newest_raw = backup.bytes_raw;
    facts_.whole_raw += backup.bytes_raw;
    facts_.compressed_raw += backup.bytes_read - std::min(backup.bytes_reread, backup.bytes_read);
    facts_.compressed_stored += backup.bytes_stored;
  }

  uint64_t segments_since(pg::Lsn lsn) const {
    return static_cast<uint64_t>(std::ranges::count_if(newest_timeline_, [&](const auto& segment) {
      return segment.name.start(segment_bytes_) >= lsn;
    }));
  }

  // The first says nothing of those that follow it.
  void look_at_increments() {
    if (backups_.size() < 2) return;
    const auto increments = static_cast<double>(backups_.size() - 1);
    std::set<std::string_view> known, packs;
    double bytes = 0;
    for (const BackupSummary& backup : backups_) {
      for (const std::string& pack : backup.packs) {
        if (!pack.starts_with("packs/") || !known.insert(pack).second) continue;
        if (&backup != &backups_.front()) packs.insert(pack);
      }
      if (&backup != &backups_.front()) bytes += static_cast<double>(backup.bytes_stored);
    }
    const auto count = static_cast<double>(packs.size());
    facts_.packs_per_backup = count / increments;
    facts_.bytes_per_pack = packs.empty() ? 0 : bytes / count;
    facts_.segments_per_backup =
        static_cast<double>(segments_since(backups_.front().start_lsn)) / increments;
  }

  Result<void> look_at_events() {
    const std::vector<catalog::Event> events =
        TRY(catalog::list_events(objects_, cluster_, unreadable_));
    if (events.empty()) return success();
    const Timestamp from = std::max(since_, events.front().started_at);
    const seconds over = std::chrono::duration_cast<seconds>(facts_.now - from);
    if (over < kShortest) return success();
    const double factor = kMonth_s / static_cast<double>(over.count());
    Rates rates;
    rates.measured_over = over;
    for (const catalog::Event& event : events) {
      if (event.started_at < from || !event.ended_at) continue;
      if (event.kind == "backup") rates.backups += factor;
      if (event.kind == "prune") rates.prunes += factor;
      if (event.kind == "verify") rates.verifies += factor;
      if (event.drill)
        rates.drilled_bytes += static_cast<double>(event.drill->bytes_fetched) * factor;
    }
    count_new(from, factor, rates);
    facts_.rates = rates;
    return success();
  }

  // Of the newest lineage. A first full backup comes once, and says nothing of a month; nothing
  // says when a segment came, but the backups do.
  void count_new(Timestamp from, double factor, Rates& rates) const {
    const BackupSummary* first = nullptr;
    for (const BackupSummary& backup : backups_) {
      if (backup.started_at < from) continue;
      if (first == nullptr) first = &backup;
      if (backup.type == catalog::BackupType::kFull && &backup == &backups_.front()) continue;
      rates.pack_bytes += static_cast<double>(backup.bytes_stored) * factor;
    }
    if (first == nullptr) return;
    const seconds since_first = std::chrono::duration_cast<seconds>(facts_.now - first->started_at);
    if (since_first < kShortest) return;
    const double segment_factor = kMonth_s / static_cast<double>(since_first.count());
    for (const StoredSegment& segment : newest_timeline_) {
      if (segment.name.start(segment_bytes_) < first->start_lsn) continue;
      rates.segments += segment_factor;
      rates.wal_bytes += static_cast<double>(segment.stored_bytes) * segment_factor;
    }
  }

  store::ObjectStore& objects_;
  const std::string& cluster_;
  const catalog::OnUnreadable& unreadable_;
  Timestamp since_;
  Facts facts_;
  // Of the lineage that was looked at last.
  std::vector<BackupSummary> backups_;
  std::vector<StoredSegment> newest_timeline_;
  uint32_t segment_bytes_ = 0;
};

}  // namespace

Result<Facts> gather(store::ObjectStore& objects, const std::string& cluster, Timestamp now,
                     const catalog::OnUnreadable& unreadable) {
  return Gathering(objects, cluster, now, unreadable).run();
}

}  // namespace walkback::cost
