// A point of the recovery windows, chosen by a seed: what was promised is tried where nobody
// thought of trying it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/recovery_windows.h"
#include "pg/types.h"
#include "store/object_store.h"

namespace walkback::drill {

struct RandomTarget {
  uint64_t seed = 0;
  Timestamp time;
  catalog::RecoveryWindow window;  // of which it is
};

// Every moment of every window as likely as any other. Nothing when there is no window, or all are
// of no length. Pure: the same windows and seed give the same.
std::optional<RandomTarget> choose_target(const std::vector<catalog::RecoveryWindow>& windows,
                                          uint64_t seed);

// Of the cluster's newest lineage, on any of its timelines. kMissing when nothing can be recovered.
Result<RandomTarget> random_target(store::ObjectStore& objects, const std::string& cluster,
                                   uint64_t seed);

}  // namespace walkback::drill
