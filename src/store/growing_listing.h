// What a listing gave, of names that are put in their order and seldom removed: WAL, events. The
// next one asks only for what may have come since.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "store/object_store.h"

namespace walkback::store {

// The last so many names, at least, are listed anew each time: what was put a little out of its
// order is seen. A server gives a thousand with one request, and so that is all it takes.
inline constexpr size_t kListedAnew = 500;
// Everything is listed anew so often: what was removed is gone then, and what came late is there.
inline constexpr std::chrono::hours kListedWhole{1};

// Of one prefix. Thread-safe. Memory: some 20 bytes a name.
class GrowingListing {
 public:
  // As beneath.list(prefix, "", visit), but for what was removed within the last hour.
  Result<void> list(ObjectStore& beneath, std::string_view prefix, Clock& clock,
                    const ObjectStore::Visitor& visit);

 private:
  struct Settled {
    std::string packed;  // each name by how much it shares with the one before
    std::string last;
    std::chrono::nanoseconds listed{0};
  };

  std::mutex mutex_;
  std::shared_ptr<const Settled> settled_;  // null: nothing was listed yet
};

}  // namespace walkback::store
