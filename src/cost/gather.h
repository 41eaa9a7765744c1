// What lies in a repository and what was done with it in the last week.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "catalog/unreadable.h"
#include "cost/estimate.h"
#include "store/object_store.h"

namespace walkback::cost {

// All but the places, the window and the size of parts, which are the caller's. Rates are of the
// last seven days, or of what there is of them; less than an hour says nothing of a month.
Result<Facts> gather(store::ObjectStore& objects, const std::string& cluster, Timestamp now,
                     const catalog::OnUnreadable& unreadable);

}  // namespace walkback::cost
