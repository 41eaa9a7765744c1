// `walkback prune`: removes what no rule keeps and nobody uses, in two phases.
//
// docs/design/retention.md has the interleavings with backups, recoveries and other prunes.
#pragma once

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
