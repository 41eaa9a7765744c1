// What two stores hold of one name. Internal to store.
#pragma once

#include <optional>

#include "store/object_store.h"

namespace walkback::store {

// An object from one store into another, where there is none. `of_source` is set when it was `from`
// that failed.
Result<PutOutcome> copy_object(ObjectStore& from, ObjectStore& to, const ObjectKey& key,
                               std::optional<Error>& of_source);

// Whether both hold the same bytes, a piece at a time.
Result<bool> same_bytes(ObjectStore& one, ObjectStore& other, const ObjectKey& key);

// Copies what is missing and replaces what is other, and counts either in `done`: an object that
// was removed while the place did not answer may have been put anew since.
Result<void> make_same(ObjectStore& from, ObjectStore& to, const ObjectKey& key,
                       std::optional<Error>& of_source, CatchUp& done);

}  // namespace walkback::store
