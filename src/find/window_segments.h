// Which segments hold the transactions of a window of time: by bisection, from their indexes alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "catalog/wal_summaries.h"
#include "pg/types.h"

namespace walkback::find {

// Segments to be read, of one stretch of the chain.
struct SegmentRange {
  uint64_t first = 0;
  uint64_t last = 0;
  bool begins_stretch = false;
  uint64_t last_of_stretch = 0;
  bool ends_stretch() const { return last == last_of_stretch; }
  bool empty() const { return first > last; }
};

class WindowSegments {
 public:
  // Both outlive it.
  WindowSegments(const catalog::WalArchive& archive, const catalog::WalChain& chain)
      : archive_(archive), chain_(chain) {}

  // With those before in which what ran then began.
  Result<SegmentRange> range_in(const catalog::WalChain::Stretch& stretch, Timestamp since,
                                Timestamp until) const;
  // Of transactions' ends. Clocks are set: the first in the log need not be the earliest.
  struct Times {
    std::optional<Timestamp> first, last;
    std::optional<Timestamp> earliest, latest;
  };
  // Of all that is archived; `earliest` and `latest` are not worked out.
  Result<Times> times_of_all() const;
  // What the checkpoint says that stands nearest before `range`, or behind it: the next xid then,
  // with its epoch.
  Result<std::optional<pg::FullXid>> xid_beside(const catalog::WalChain::Stretch& stretch,
                                                const SegmentRange& range) const;

 private:
  // Which xids were not given out yet, and which of those that were may still run.
  struct Snapshot {
    std::optional<pg::Xid> oldest_running;
    pg::Xid next = 0;
  };
  struct Bounds {
    uint64_t first, past;
  };
  Bounds bounds_of(const catalog::WalChain::Stretch& stretch) const;
  Result<catalog::KnownSegment> segment(uint64_t number) const;
  template <typename Visit>
  void visit_kept(const catalog::KnownSegment& known, Visit visit) const;
  Times times_of(const catalog::KnownSegment& known) const;
  std::vector<Snapshot> snapshots_of(const catalog::KnownSegment& known) const;
  std::optional<pg::FullXid> next_xid_of(const catalog::KnownSegment& known) const;
  Result<uint64_t> first_that_reaches(uint64_t low, uint64_t high, Timestamp since) const;
  Result<uint64_t> first_wholly_after(uint64_t low, uint64_t high, Timestamp until) const;
  Result<uint64_t> before_what_runs(uint64_t first, uint64_t begin) const;

  const catalog::WalArchive& archive_;
  const catalog::WalChain& chain_;
};

}  // namespace walkback::find
