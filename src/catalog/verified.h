// What verifications wrote down of objects: records below verified/.
//
// Their own memory is verify/memory.h; here is what others may ask of it.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "store/object_store.h"

namespace walkback::catalog {

namespace proto::verified {
class Record;
}

inline constexpr uint16_t kVerifiedVersion = 1;

// A record that cannot be read is passed over, and so is one that went since it was listed: several
// may just have been put into one.
Result<void> each_verified(store::ObjectStore& objects, const LineageLayout& layout,
                           const std::function<void(const store::ObjectKey& key,
                                                    const proto::verified::Record& record)>& visit);

// What was found damaged or missing, and has not been found whole since: by its name below the
// lineage's folder, before encryption ("packs/ab/ab….zst"), when.
Result<std::map<std::string, Timestamp>> found_damaged(store::ObjectStore& objects,
                                                       const LineageLayout& layout);

}  // namespace walkback::catalog
