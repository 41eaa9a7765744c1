// What is lost with WAL that is missing or damaged: which backups, and which moments.
#pragma once

#include <optional>
#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/wal_archive.h"
#include "catalog/wal_chain.h"
#include "verify/verify.h"

namespace walkback::verify {

// Of one lineage. Reads nothing before it is asked; then the lists of segments, and for each
// finding the indexes of a few segments before it.
class WalLosses {
 public:
  WalLosses(const catalog::WalArchive& archive, const std::vector<catalog::BackupSummary>& backups)
      : archive_(archive), backups_(backups) {}

  // Of a finding of a segment, missing or not: the backups that are none without it, and the
  // moments that only lead through it. Leaves findings of other objects alone.
  void explain(Finding& finding);

 private:
  struct Hole;
  std::optional<pg::SegmentName> segment_of(const Finding& finding) const;
  void load_chains();
  std::optional<Hole> hole_at(pg::SegmentName segment);
  // Up to which moment all is known that lies before.
  std::optional<Timestamp> known_before(const Hole& hole) const;

  const catalog::WalArchive& archive_;
  const std::vector<catalog::BackupSummary>& backups_;
  std::vector<catalog::WalChain> chains_;  // the newest timeline first
  bool loaded_ = false;
  size_t explained_ = 0;
};

}  // namespace walkback::verify
