#include "catalog/recovery_windows.h"

#include <algorithm>

#include "catalog/wal_chain.h"
#include "catalog/wal_stream.h"
#include "wal/timed_event.h"

namespace walkback::catalog {

namespace {

// How far from an edge a commit is looked for: on an idle cluster whole segments hold none.
constexpr uint64_t kSegmentsAtAnEdge = 8;

struct Edge {
  pg::Lsn end;  // of the last record
  std::optional<Timestamp> time;
};

class Edges {
 public:
  Edges(const WalArchive& archive, const WalChain& chain) : archive_(archive), chain_(chain) {}

  // The last commit in segments [first, end), and where their records end.
  Result<Edge> last(uint64_t first, uint64_t end) const {
    Edge edge;
    for (uint64_t number = end; number > first && end - number < kSegmentsAtAnEdge;) {
      --number;
      std::optional<Timestamp> time;
      const pg::Lsn read_to = TRY(read(number, end, [&](Timestamp commit) {
        time = commit;
        return true;
      }));
      edge.end = std::max(edge.end, read_to);
      if (time) {
        edge.time = time;
        break;
      }
    }
    return edge;
  }

  // The first commit in segments [first, end).
  Result<std::optional<Timestamp>> first(uint64_t first, uint64_t end) const {
    std::optional<Timestamp> time;
    TRY(read(first, std::min(end, first + kSegmentsAtAnEdge), [&](Timestamp commit) {
      time = commit;
      return false;
    }));
    return time;
  }

 private:
  template <typename Visit>
  Result<pg::Lsn> read(uint64_t first, uint64_t end, const Visit& visit) const {
    wal::TimedEvents events(archive_.lineage().major);
    const pg::Lsn from{first * chain_.segment_bytes()};
    const WalEnd wal_end =
        TRY(read_wal(archive_, chain_, from, end, {}, [&](const wal::Record& record) {
          const Result<std::optional<wal::TimedEvent>> event = events.of(record);
          if (!event.ok() || !*event) return true;
          const auto* ended = std::get_if<wal::TransactionEnd>(&(*event)->what);
          return ended == nullptr || !ended->committed || visit(ended->time);
        }));
    return wal_end.end;
  }

  const WalArchive& archive_;
  const WalChain& chain_;
};

uint64_t segment_of(pg::Lsn lsn, const WalChain& chain) {
  return lsn.value / chain.segment_bytes();
}

// The backup from which the most of the stretch can be recovered.
const BackupSummary* earliest_backup(const std::vector<BackupSummary>& backups,
                                     const WalChain& chain, uint64_t first, uint64_t end) {
  const BackupSummary* earliest = nullptr;
  for (const BackupSummary& backup : backups) {
    if (!lies_on(backup, chain.history())) continue;
    if (segment_of(backup.start_lsn, chain) < first) continue;
    if (segment_of(pg::Lsn{backup.stop_lsn.value - 1}, chain) >= end) continue;
    if (!earliest || backup.stop_lsn < earliest->stop_lsn) earliest = &backup;
  }
  return earliest;
}

}  // namespace

bool lies_on(const BackupSummary& backup, const pg::TimelineHistory& history) {
  if (!history.contains(backup.timeline)) return false;
  const std::optional<pg::Lsn> end = history.end_of(backup.timeline);
  return !end || backup.stop_lsn <= *end;
}

Result<LineageWindows> find_windows(const WalArchive& archive,
                                    const std::vector<BackupSummary>& backups) {
  LineageWindows found;
  const pg::SystemIdentifier id = archive.lineage().system_identifier;
  for (pg::TimelineId timeline : TRY(archive.timelines())) {
    // Without its history it is not known what leads to this timeline; `plan` says so when asked
    // for it.
    Result<WalChain> chain = WalChain::load(archive, timeline);
    if (!chain.ok()) {
      if (chain.error().kind == ErrorKind::kMissing) continue;
      return std::move(chain).error();
    }
    const Edges edges(archive, *chain);
    const pg::Lsn own_begin = chain->history().begin_of(timeline).value_or(pg::Lsn{});
    const std::vector<std::pair<uint64_t, uint64_t>> stretches = chain->stretches();
    for (size_t i = 0; i < stretches.size(); ++i) {
      const auto [first, end] = stretches[i];
      // What lies before the timeline's beginning is shown with its parent.
      if (end * chain->segment_bytes() <= own_begin.value) continue;
      const Edge last = TRY(edges.last(first, end));
      if (const BackupSummary* backup = earliest_backup(backups, *chain, first, end)) {
        const Timestamp to = std::max(last.time.value_or(backup->stopped_at), backup->stopped_at);
        found.windows.push_back({id, timeline, backup->stop_lsn, last.end, backup->stopped_at, to});
      }
      if (i + 1 == stretches.size()) continue;
      const auto [next_first, next_end] = stretches[i + 1];
      found.gaps.push_back({id, timeline, pg::Lsn{end * chain->segment_bytes()},
                            pg::Lsn{next_first * chain->segment_bytes()}, last.time,
                            TRY(edges.first(next_first, next_end))});
    }
  }
  return found;
}

}  // namespace walkback::catalog
