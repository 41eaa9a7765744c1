// Pins: backups that prune keeps because somebody said so (`walkback keep`).
//
//   clusters/NAME/SYSID/backups/ID/keep.RANDOM.json
#pragma once

#include <map>
#include <optional>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "catalog/layout.h"
#include "store/object_store.h"

namespace walkback::catalog {

struct Pin {
  std::optional<Timestamp> until;  // for ever, without
};

// Takes the place of an earlier one; durable on success.
Result<void> put_pin(store::ObjectStore& objects, const LineageLayout& layout, const BackupId& id,
                     const Pin& pin, Random& random);
// Whether there was one.
Result<bool> remove_pin(store::ObjectStore& objects, const LineageLayout& layout,
                        const BackupId& id);
// Of every backup; of two of one backup, while one takes the other's place, the longer one.
Result<std::map<BackupId, Pin>> list_pins(store::ObjectStore& objects, const LineageLayout& layout);

}  // namespace walkback::catalog
