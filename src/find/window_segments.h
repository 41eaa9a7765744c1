// Which segments hold the transactions of a window of time: by bisection, from their indexes alone.
#pragma once

#include <cstdint>
#include <optional>

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
  bool ends_stretch = false;
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
  // When the first transaction ended that is archived, and the last; of plain ends.
  struct Times {
    std::optional<Timestamp> first, last;
  };
  Result<Times> times_of_all() const;

 private:
  Result<catalog::KnownSegment> segment(uint64_t number) const;
  static Times times_of(const catalog::KnownSegment& known);
  template <typename Reached>
  Result<uint64_t> first_reached(uint64_t low, uint64_t high, Reached reached) const;
  Result<uint64_t> before_what_runs(uint64_t first, uint64_t begin, uint64_t past) const;
  std::optional<pg::Xid> oldest_running(const catalog::KnownSegment& known) const;

  const catalog::WalArchive& archive_;
  const catalog::WalChain& chain_;
};

}  // namespace walkback::find
