// A store that fails by seed: the network on a bad day.
#pragma once

#include <memory>

#include "store/object_store.h"

namespace walkback::store {

struct Faults {
  uint64_t seed = 1;
  unsigned percent = 33;  // of the calls, each call on readers and writers included
};

// `inner` outlives it. A failing call is kTransient; one that changes something has then done
// nothing, or all of it with the answer lost; a failing list() has visited a part. Thread-safe if
// `inner` is.
std::unique_ptr<ObjectStore> make_faulty_store(ObjectStore& inner, Faults faults);

}  // namespace walkback::store
