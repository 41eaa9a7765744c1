#include "catalog/recovery_windows.h"

#include <algorithm>

#include "catalog/wal_stream.h"
#include "catalog/wal_summaries.h"

namespace walkback::catalog {

namespace {

// How far from an edge a commit is looked for: on an idle cluster whole segments hold none.
constexpr uint64_t kSegmentsAtAnEdge = 8;

// A stretch within a stretch that no server replays: written with wal_level=minimal.
struct IncompleteWal {
  pg::Lsn begin;
  std::optional<pg::Lsn> end;  // nothing: it goes on
  KnownTime before;
};

struct Edge {
  pg::Lsn end;  // of the last record
  KnownTime known;
  // Of several, from the first's begin to the last's end.
  std::optional<IncompleteWal> incomplete;
  // It began before the edge.
  bool incomplete_from_before = false;
  // No private key at hand: `end` is the segment's, and no time is known.
  bool unread = false;

  void see(const wal::TimedEvent& event) {
    if (const std::optional<pg::WalLevel> level = event.wal_level()) see_level(event, *level);
    known.see(event);
  }

 private:
  void see_level(const wal::TimedEvent& event, pg::WalLevel level) {
    if (level != pg::WalLevel::kMinimal) {
      if (incomplete && !incomplete->end) incomplete->end = event.start;
    } else if (incomplete) {
      incomplete->end.reset();
    } else {
      incomplete = IncompleteWal{event.start, {}, known};
      incomplete_from_before = !std::holds_alternative<wal::ParameterChange>(event.what);
    }
  }
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
        edge.see(event);
        return true;
      }));
      const bool enough = (edge.known.last_commit() || segments >= kSegmentsAtAnEdge) &&
                          !edge.incomplete_from_before;
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

// Without a hole or a segment that is known to be damaged.
struct ReadableStretch {
  WalChain::Stretch stretch;
  std::string damage;  // what ends it; empty where WAL is missing or ends
};

// Where the segment cannot be read on; nothing when it can, or when nobody here may know.
Result<std::optional<pg::Lsn>> damaged_from(const WalArchive& archive, const WalChain& chain,
                                            uint64_t number, bool is_last, std::string& damage) {
  const KnownSegment known = TRY(read_summary(archive, chain, number));
  if (!known.summary) {
    if (known.denied) return std::optional<pg::Lsn>();
    damage = known.unknown;
    return std::optional(known.name.start(archive.segment_bytes()));
  }
  damage = known.summary->problem;
  const bool log_ends = known.summary->torn_tail && is_last;
  if (damage.empty() || log_ends) return std::optional<pg::Lsn>();
  return std::optional(std::max(known.summary->end, known.name.start(archive.segment_bytes())));
}

Result<std::vector<ReadableStretch>> readable_stretches(const WalArchive& archive,
                                                        const WalChain& chain) {
  const uint32_t segment_bytes = chain.segment_bytes();
  std::vector<ReadableStretch> readable;
  for (WalChain::Stretch stretch : chain.stretches()) {
    const uint64_t past = (stretch.end.value + segment_bytes - 1) / segment_bytes;
    for (uint64_t number = stretch.begin.value / segment_bytes; number < past; ++number) {
      const std::optional<WalChain::Link> link = chain.segment(number);
      if (link->has_index) continue;
      std::string damage;
      const std::optional<pg::Lsn> from =
          TRY(damaged_from(archive, chain, number, number + 1 == past, damage));
      if (!from) continue;
      readable.push_back({{stretch.begin, *from}, std::move(damage)});
      stretch.begin = link->end;
    }
    readable.push_back({stretch, ""});
  }
  return readable;
}

// What one backup can lead through.
struct Piece {
  WalChain::Stretch stretch;
  pg::Lsn end;  // of the last record
  KnownTime known;
};

std::vector<Piece> pieces_of(const WalChain::Stretch& stretch, const Edge& last) {
  const std::optional<IncompleteWal>& incomplete = last.incomplete;
  if (!incomplete) return {{stretch, last.end, last.known}};
  std::vector<Piece> pieces = {
      {{stretch.begin, incomplete->begin}, incomplete->begin, incomplete->before}};
  if (incomplete->end) pieces.push_back({{*incomplete->end, stretch.end}, last.end, last.known});
  return pieces;
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
  const std::vector<ReadableStretch> stretches = TRY(readable_stretches(archive, chain));
  for (size_t i = 0; i < stretches.size(); ++i) {
    const WalChain::Stretch& stretch = stretches[i].stretch;
    const WalChain::Stretch* next = i + 1 < stretches.size() ? &stretches[i + 1].stretch : nullptr;
    const bool own_window = stretch.end >= begin;
    const bool own_gap = next != nullptr && next->begin > begin;
    if (!own_window && !own_gap) continue;
    const Edge last = TRY(last_if_readable(edges, stretch));
    for (const Piece& piece : own_window ? pieces_of(stretch, last) : std::vector<Piece>()) {
      const BackupSummary* backup = earliest_backup(backups, chain, piece.stretch);
      if (backup == nullptr) continue;
      const Timestamp to =
          last.unread
              ? proved_by_backups(backups, chain, piece.stretch, backup->stopped_at)
              : std::max(piece.known.until().value_or(backup->stopped_at), backup->stopped_at);
      found.windows.push_back(
          {id, chain.timeline(), backup->stop_lsn, piece.end, backup->stopped_at, to, last.unread});
    }
    if (own_gap) {
      found.gaps.push_back({id, chain.timeline(), stretch.end, next->begin,
                            last.known.last_commit(), TRY(first_if_readable(edges, *next)),
                            stretches[i].damage});
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
