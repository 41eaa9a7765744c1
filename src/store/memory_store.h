// An object store in memory, for tests.
#pragma once

#include <memory>

#include "store/object_store.h"

namespace walkback::store {

std::unique_ptr<ObjectStore> make_memory_store();

}  // namespace walkback::store
