// Transactions of the last hour that took many rows, from the WAL's indexes.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/names.h"
#include "health/facts.h"
#include "store/object_store.h"

namespace walkback::health {

struct MassChangeQuestion {
  std::string cluster;
  std::optional<pg::TimelineId> timeline;
  Timestamp now;
  uint64_t least_rows = 0;
  // Asked only for a table that no backup knows; gives nothing where no server answers.
  std::function<std::optional<catalog::Names>()> live_names;
};

// kDenied when no key at hand opens any of the indexes.
Result<std::vector<MassChange>> find_mass_changes(const MassChangeQuestion& question,
                                                  store::ObjectStore& objects,
                                                  std::stop_token stop);

}  // namespace walkback::health
