// A store that a test switches off and on: an outage.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "store/object_store.h"

namespace walkback::store {

struct Switch {
  std::atomic<bool> off = false;
  std::atomic<int> calls = 0;  // while it was off
  std::string only;            // this object alone is what it switches; empty: everything
};

// While off every call, those on readers and writers too, is kTransient and does nothing. `inner`
// and `power` outlive it.
std::unique_ptr<ObjectStore> make_switched_store(ObjectStore& inner, Switch& power);

}  // namespace walkback::store
