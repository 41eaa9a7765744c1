// The WAL that leads to one timeline: which archived segment file serves each stretch of the log.
//
// A timeline's history says at which LSN it left its parent. Segments before that are the parent's;
// the segment in which it happened exists on both, and the child's holds what the parent's did up
// to there, so the newest timeline that has a file serves, as PostgreSQL itself chooses
// (src/backend/access/transam/xlogrecovery.c, XLogFileReadAnyTLI).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/result.h"
#include "catalog/wal_archive.h"
#include "pg/timeline_history.h"
#include "pg/types.h"

namespace walkback::catalog {

class WalChain {
 public:
  // Lists the archive once for each timeline of the history.
  static Result<WalChain> load(const WalArchive& archive, pg::TimelineId timeline);

  const pg::TimelineHistory& history() const { return history_; }
  uint32_t segment_bytes() const { return segment_bytes_; }

  struct Link {
    pg::TimelineId timeline;
    uint64_t stored_bytes = 0;
  };
  // Which file holds segment `number`; nothing when none does.
  std::optional<Link> segment(uint64_t number) const;

  // The first number at or after `number` that no file holds.
  uint64_t first_missing(uint64_t number) const;
  // The first number at or after `number` that a file holds.
  std::optional<uint64_t> first_present(uint64_t number) const;
  // The stretches without holes, in order: [first, end) segment numbers.
  std::vector<std::pair<uint64_t, uint64_t>> stretches() const;
  uint64_t stored_bytes(uint64_t first, uint64_t end) const;

 private:
  WalChain(pg::TimelineHistory history, uint32_t segment_bytes)
      : history_(std::move(history)), segment_bytes_(segment_bytes) {}

  pg::TimelineHistory history_;
  uint32_t segment_bytes_;
  std::map<uint64_t, Link> links_;
};

}  // namespace walkback::catalog
