// One repository in two places: what is put goes to both, byte for byte, and what one of them
// cannot give the other does.
//
// A call that changes something succeeds when every place that is required has done it. A place
// that is not may fail: what it then misses is written down in the other one, as an empty object
// behind/TIME/KEY, where TIME is when it was found failing (seconds since 1970, 12 digits).
// catch_up() makes up for it, from whichever process runs it. A place that is not required and
// failed less than kRestAfterFailure ago is not tried, so that an outage costs its time-out once in
// a while and not with each object.
//
// A read that one place cannot answer is answered by the other, and `tell` hears of it. That an
// object is missing is believed from one place alone only if that place is required and holds
// `completeness`, which is put last: then it has all that was ever acknowledged.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "store/object_store.h"

namespace walkback::store {

inline constexpr std::chrono::seconds kRestAfterFailure{60};

struct MirrorPlace {
  std::unique_ptr<ObjectStore> store;
  bool required = true;
};

struct CatchUp {
  uint64_t copied = 0;   // objects that a place had missed
  uint64_t removed = 0;  // objects that a place had kept
};

class MirroredStore : public ObjectStore {
 public:
  // What was written down, until `deadline` (of the clock's monotonic time) or until a place fails
  // again, which is no error here.
  virtual Result<CatchUp> catch_up(std::chrono::nanoseconds deadline) = 0;
  // Compares the places whole, one listing each, and copies what either lacks: also what a process
  // that was killed between two puts wrote down nowhere, and all of a repository for a place that
  // is new. Not for while something is removed.
  virtual Result<CatchUp> compare_and_catch_up() = 0;
  // How many objects one place has and the other lacks.
  virtual Result<uint64_t> count_differences() = 0;
};

// Of two objects of one name the older wins, as in one place. `tell` is called once for each place
// that fails where that is no error, on whichever thread met it; `clock` outlives the store.
// Thread-safe.
std::unique_ptr<MirroredStore> make_mirrored_store(MirrorPlace first, MirrorPlace second,
                                                   ObjectKey completeness, Clock& clock,
                                                   std::function<void(const Error&)> tell);

// A place that could not be opened: every call fails with `why`.
std::unique_ptr<ObjectStore> make_unavailable_store(std::string description, Error why);

}  // namespace walkback::store
