// The repository's record of attempts, read.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "schedule/due.h"
#include "store/object_store.h"

namespace walkback::agent {

// Of the cluster's current lineage. What cannot be read of it is left out: `status` says so.
Result<schedule::History> read_history(store::ObjectStore& objects, const std::string& cluster,
                                       Clock& clock);

}  // namespace walkback::agent
