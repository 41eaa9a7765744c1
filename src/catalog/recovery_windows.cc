#include "catalog/recovery_windows.h"

#include <algorithm>

#include "catalog/wal_stream.h"
#include "catalog/wal_summaries.h"

namespace walkback::catalog {

namespace {

// How far from an edge a commit is looked for: on an idle cluster whole segments hold none.
constexpr uint64_t kSegmentsAtAnEdge = 8;

struct Edge {
  pg::Lsn end;  // of the last record
  KnownTime known;
  // No private key at hand: `end` is the segment's, and no time is known.
  bool unread = false;
};

class Edges {
 public:
  Edges(const WalArchive& archive, const WalChain& chain) : archive_(archive), chain_(chain) {}

  // What is known at the stretch's end.
  Result<Edge> last(const WalChain::Stretch& stretch) const {
    for (uint64_t segments = 1;; segments *= 2) {
      const uint64_t after = (stretch.end.value - 1) / chain_.segment_bytes() + 1;
      const uint64_t first = after - std::min(segments, after);
      const pg::Lsn from = std::max(stretch.begin, pg::Lsn{first * chain_.segment_bytes()});
      Edge edge;
      edge.end = TRY(read(from, stretch.end, [&](const wal::TimedEvent& event) {
        edge.known.see(event);
        return true;
      }));
      const bool enough = edge.known.last_commit() || segments >= kSegmentsAtAnEdge;
      if (enough || from == stretch.begin) return edge;
    }
  }

  // The stretch's first commit.
  Result<std::optional<Timestamp>> first_commit(const WalChain::Stretch& stretch) const {
    const pg::Lsn end = stretch.begin + kSegmentsAtAnEdge * chain_.segment_bytes();
    KnownTime known;
    TRY(read(stretch.begin, std::min(stretch.end, end), [&](const wal::TimedEvent& event) {
      known.see(event);
      return !known.last_commit();
    }));
    return known.last_commit();
  }

 private:
  template <typename Visit>
  Result<pg::Lsn> read(pg::Lsn from, pg::Lsn to, const Visit& visit) const {
    wal::TimedEvents events(archive_.lineage().major);
    const WalEnd wal_end =
        TRY(read_events(archive_, chain_, from, to, {}, [&](const wal::Record& record) {
          const Result<std::optional<wal::TimedEvent>> event = events.of(record);
          return !event.ok() || !*event || visit(**event);
        }));
    return wal_end.end;
  }

  const WalArchive& archive_;
  const WalChain& chain_;
};

// What lies in the WAL is a report's to show, and no reason to have none.
Result<Edge> last_if_readable(const Edges& edges, const WalChain::Stretch& stretch) {
  Result<Edge> last = edges.last(stretch);
  if (last.ok() || last.error().kind != ErrorKind::kDenied) return last;
  Edge unread;
  unread.end = stretch.end;
  unread.unread = true;
  return unread;
}

Result<std::optional<Timestamp>> first_if_readable(const Edges& edges,
                                                   const WalChain::Stretch& stretch) {
  Result<std::optional<Timestamp>> first = edges.first_commit(stretch);
  if (first.ok() || first.error().kind != ErrorKind::kDenied) return first;
  return std::optional<Timestamp>();
}

// What is proved without reading WAL: the last backup of the stretch.
Timestamp proved_by_backups(const std::vector<BackupSummary>& backups, const WalChain& chain,
                            const WalChain::Stretch& stretch, Timestamp at_least) {
  for (const BackupSummary& backup : backups) {
    if (!lies_on(backup, chain.history())) continue;
    if (backup.start_lsn < stretch.begin || backup.stop_lsn > stretch.end) continue;
    at_least = std::max(at_least, backup.stopped_at);
  }
  return at_least;
}

// The backup from which the most of the stretch can be recovered.
const BackupSummary* earliest_backup(const std::vector<BackupSummary>& backups,
                                     const WalChain& chain, const WalChain::Stretch& stretch) {
  const BackupSummary* earliest = nullptr;
  for (const BackupSummary& backup : backups) {
    if (!lies_on(backup, chain.history())) continue;
    if (backup.start_lsn < stretch.begin || backup.stop_lsn > stretch.end) continue;
    if (!earliest || backup.stop_lsn < earliest->stop_lsn) earliest = &backup;
  }
  return earliest;
}

// What one backup can lead through: without a hole, without a segment that is known to be damaged,
// without WAL that was written with wal_level=minimal.
struct UsableStretch {
  WalChain::Stretch stretch;
  std::string reason;  // why what lies behind it is of no use; empty where WAL is missing or ends
};

// Divides one stretch without holes, given what is known of some of its segments, in order.
class StretchDivider {
 public:
  StretchDivider(const WalArchive& archive, const WalChain::Stretch& stretch,
                 std::vector<UsableStretch>& found)
      : segment_bytes_(archive.segment_bytes()),
        events_(archive.lineage().major),
        stretch_(stretch),
        begin_(stretch.begin),
        found_(found) {}

  void see(const KnownSegment& segment) {
    const pg::Lsn start = segment.name.start(segment_bytes_);
    if (segment.denied) return;  // nobody here may know
    if (!segment.summary) return pass_over(start, segment.end, segment.unknown);
    see_levels(*segment.summary, segment.end);
    const bool log_ends = segment.summary->torn_tail && segment.end == stretch_.end;
    if (segment.summary->problem.empty() || log_ends) return;
    pass_over(std::max(segment.summary->end, start), segment.end, segment.summary->problem);
  }
  void finish() { end_at(stretch_.end, ""); }

 private:
  void see_levels(const wal::SegmentSummary& summary, pg::Lsn end) {
    for (const wal::KeptRecord& kept : summary.kept) {
      const Result<std::optional<wal::TimedEvent>> event = events_.of(wal::record_of(kept));
      if (kept.start >= end || !event.ok() || !*event) continue;
      const std::optional<pg::WalLevel> level = (*event)->wal_level();
      if (!level) continue;
      if (*level == pg::WalLevel::kMinimal) {
        end_at(kept.start, "written with wal_level=minimal");
      } else if (!begin_) {
        begin_ = kept.start;
      }
    }
  }
  // With which wal_level the log goes on behind it does not matter: no backup is taken with
  // "minimal" (pg_backup_start refuses).
  void pass_over(pg::Lsn from, pg::Lsn to, const std::string& reason) {
    end_at(from, reason);
    begin_ = to;
  }
  void end_at(pg::Lsn end, std::string reason) {
    if (begin_) found_.push_back({{*begin_, end}, std::move(reason)});
    begin_.reset();
  }

  const uint32_t segment_bytes_;
  wal::TimedEvents events_;
  const WalChain::Stretch stretch_;
  std::optional<pg::Lsn> begin_;  // nothing where the log is of no use
  std::vector<UsableStretch>& found_;
};

Result<std::vector<UsableStretch>> usable_stretches(const WalArchive& archive,
                                                    const WalChain& chain) {
  const uint32_t segment_bytes = chain.segment_bytes();
  std::vector<UsableStretch> usable;
  for (const WalChain::Stretch& stretch : chain.stretches()) {
    StretchDivider divider(archive, stretch, usable);
    for (uint64_t number = stretch.begin.value / segment_bytes;
         number * segment_bytes < stretch.end.value; ++number) {
      const std::optional<WalChain::Link> link = chain.segment(number);
      if (link->has_index && !link->changes_settings) continue;
      divider.see(TRY(read_summary(archive, chain, number)));
    }
    divider.finish();
  }
  return usable;
}

}  // namespace

void KnownTime::see(const wal::TimedEvent& event) {
  const std::optional<Timestamp> time = event.time();
  if (!time) return;
  const auto* ended = std::get_if<wal::TransactionEnd>(&event.what);
  if (ended != nullptr && ended->committed) last_commit_ = time;
  if (ended != nullptr || std::holds_alternative<wal::RestorePoint>(event.what)) {
    latest_ = std::max(latest_, time);
    // It may carry an earlier time than the checkpoint before it.
    proof_.reset();
  } else if (std::holds_alternative<wal::Checkpoint>(event.what) ||
             std::holds_alternative<wal::EndOfRecovery>(event.what)) {
    proof_ = std::max(proof_, time);
  }
}

std::optional<Timestamp> KnownTime::until() const { return std::max(latest_, proof_); }

Result<KnownTime> known_at_end(const WalArchive& archive, const WalChain& chain,
                               const WalChain::Stretch& stretch) {
  return TRY(Edges(archive, chain).last(stretch)).known;
}

bool lies_on(const BackupSummary& backup, const pg::TimelineHistory& history) {
  if (!history.contains(backup.timeline)) return false;
  const std::optional<pg::Lsn> end = history.end_of(backup.timeline);
  return !end || backup.stop_lsn <= *end;
}

Result<TimelineWindows> find_windows_on(const WalArchive& archive, const WalChain& chain,
                                        const std::vector<BackupSummary>& backups,
                                        Stretches which) {
  TimelineWindows found;
  const pg::SystemIdentifier id = archive.lineage().system_identifier;
  const Edges edges(archive, chain);
  const pg::Lsn begin = which == Stretches::kOwn ? chain.begin() : pg::Lsn{};
  const std::vector<UsableStretch> stretches = TRY(usable_stretches(archive, chain));
  for (size_t i = 0; i < stretches.size(); ++i) {
    const WalChain::Stretch& stretch = stretches[i].stretch;
    const WalChain::Stretch* next = i + 1 < stretches.size() ? &stretches[i + 1].stretch : nullptr;
    const bool own_window = stretch.end >= begin;
    const bool own_gap = next != nullptr && next->begin > begin;
    if (!own_window && !own_gap) continue;
    const Edge last = TRY(last_if_readable(edges, stretch));
    const BackupSummary* backup = own_window ? earliest_backup(backups, chain, stretch) : nullptr;
    if (backup != nullptr) {
      const Timestamp to =
          last.unread
              ? proved_by_backups(backups, chain, stretch, backup->stopped_at)
              : std::max(last.known.until().value_or(backup->stopped_at), backup->stopped_at);
      found.windows.push_back(
          {id, chain.timeline(), backup->stop_lsn, last.end, backup->stopped_at, to, last.unread});
    }
    if (own_gap) {
      found.gaps.push_back({id, chain.timeline(), stretch.end, next->begin,
                            last.known.last_commit(), TRY(first_if_readable(edges, *next)),
                            stretches[i].reason});
    }
  }
  return found;
}

Result<LineageWindows> find_windows(const WalArchive& archive,
                                    const std::vector<BackupSummary>& backups) {
  LineageWindows found;
  SegmentLists lists(archive);
  for (pg::TimelineId timeline : TRY(archive.timelines())) {
    KnownTimeline known{archive.lineage().system_identifier, timeline, {}, false, false, false};
    Result<WalChain> chain = WalChain::load(lists, timeline);
    if (!chain.ok() && chain.error().kind != ErrorKind::kMissing) return std::move(chain).error();
    if (!chain.ok()) {
      // `plan` says so when asked for it.
      known.history_missing = true;
      known.has_wal = !TRY(lists.of(timeline))->empty();
    } else {
      const auto& switches = chain->history().switches();
      if (!switches.empty()) known.left = switches.back();
      known.has_wal = chain->has_own_wal();
      TimelineWindows own = TRY(find_windows_on(archive, *chain, backups, Stretches::kOwn));
      found.windows.insert(found.windows.end(), own.windows.begin(), own.windows.end());
      found.gaps.insert(found.gaps.end(), own.gaps.begin(), own.gaps.end());
    }
    found.timelines.push_back(std::move(known));
  }
  if (!found.timelines.empty()) found.timelines.back().current = true;
  return found;
}

}  // namespace walkback::catalog
