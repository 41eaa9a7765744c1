// Room that is held for a prune. In a repository that is full nothing can be written, and a prune
// writes before it removes: its event, its lease, its mark. So an object that nobody reads lies
// there, and goes when a prune finds no space.
#pragma once

#include <functional>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "store/object_store.h"

namespace walkback::catalog {

inline constexpr size_t kReserveBytes = 1 << 20;

// Puts it, unless it is there. Durable on success.
Result<void> keep_reserve(store::ObjectStore& objects, const std::string& cluster, Random& random);

// Does `step`; where that finds no space, gives the reserve up and does it once more.
Result<void> with_reserve(store::ObjectStore& objects, const std::string& cluster,
                          const std::function<Result<void>()>& step);

}  // namespace walkback::catalog
