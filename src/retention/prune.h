// `walkback prune`: removes what no rule keeps and nobody uses, in two phases.
//
// docs/design/retention.md has the interleavings with backups, recoveries and other prunes.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/progress.h"
#include "base/random.h"
#include "base/result.h"
#include "retention/policy.h"
#include "store/object_store.h"

namespace walkback::retention {

struct PruneOptions {
  std::string cluster;
  // Its window ends now, or with the last that the repository knows of the cluster, where that is
  // earlier: a clock that is ahead, or a month without backups, is no reason to remove anything.
  Policy policy;
  bool dry_run = false;
};

struct LineageReport {
  pg::SystemIdentifier system_identifier;
  Plan plan;
  uint64_t segments_removed = 0;
  uint64_t wal_bytes = 0;
  uint64_t packs_removed = 0;
  uint64_t pack_bytes = 0;
  // Of these: what attempts left that did not end, no backup's.
  uint64_t garbage_removed = 0;
  uint64_t garbage_bytes = 0;
  // How far back recoveries reach afterwards: to the end of a backup from which something can be
  // recovered. Nothing where there is none.
  struct Reach {
    catalog::BackupId backup;
    Timestamp from;
  };
  std::optional<Reach> earliest;
  // The same of those from which on no WAL is missing; older ones may stand alone.
  std::optional<Reach> earliest_with_wal;
  // Packs of backups that were never finished stay while a backup runs: they may be its own.
  uint64_t garbage_left = 0;
};

struct PruneReport {
  bool dry_run = false;  // then "removed" is what would be
  std::vector<LineageReport> lineages;
};

// Fails when a summary cannot be read: who removes things must not look away. A prune that is
// killed leaves a right repository; the next goes on. Needs no owner's key.
Result<PruneReport> run_prune(const PruneOptions& options, store::ObjectStore& objects,
                              Clock& clock, Random& random, Progress& progress,
                              std::stop_token stop);

}  // namespace walkback::retention
