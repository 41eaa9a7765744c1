// One repository in two places: what is put goes to both, byte for byte, and what one of them
// cannot give the other does.
//
// A call that changes something succeeds when every place that is required has done it. A place
// that is not may fail: what it then misses is written down in the other one, as an empty object
// behind/TIME/put/KEY or behind/TIME/removed/KEY, where TIME is when it was found failing (seconds
// since 1970, 12 digits).
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

// A place without `completeness` is a disk that is not mounted: it is neither read nor written.
enum class MirrorUse {
  kGoesOn,
  kBegins,  // it may be a new place
};

struct MirrorPlace {
  std::unique_ptr<ObjectStore> store;
  bool required = true;
  // The same, with less patience: asked first whether it answers at all. Null: `store` is.
  std::unique_ptr<ObjectStore> quick = nullptr;
};

// catch_up(): kNoted ends without an error as soon as a place fails again. kAll asks each place for
// one whole listing, and copies also what a process that was killed between two puts wrote down
// nowhere, and all of a repository for a place that is new; it is not for while something is
// removed.
//
// At least one place is required. Of two objects of one name the older wins, as in one place.
// `tell` is called once for each place that fails where that is no error, on whichever thread met
// it; `clock` outlives the store. Thread-safe.
std::unique_ptr<ObjectStore> make_mirrored_store(MirrorPlace first, MirrorPlace second,
                                                 ObjectKey completeness, MirrorUse use,
                                                 Clock& clock,
                                                 std::function<void(const Error&)> tell);

// A place that could not be opened: every call fails with `why`, and never as kMissing.
std::unique_ptr<ObjectStore> make_unavailable_store(std::string description, Error why);

}  // namespace walkback::store
