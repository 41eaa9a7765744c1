// A parent that goes, or turns out to be damaged, while a backup builds on it: nothing that was
// made of it can be kept.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "base/result.h"
#include "catalog/layout.h"
#include "catalog/manifest.h"
#include "store/object_store.h"

namespace walkback::backup {

// Of the object itself, as opposed to a repository that does not answer.
bool is_gone_or_unreadable(const Error& error);

// Whether that happened. Any thread.
class LostParent {
 public:
  // Takes note of what says so; all other errors mean nothing here.
  void see(const Error& error) {
    if (!is_gone_or_unreadable(error)) return;
    std::lock_guard lock(mutex_);
    if (!why_) why_ = error;
  }
  std::optional<Error> why() const {
    std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> why_;  // the first
};

// The size of each of `packs`, of pages and of maps, as it lies in the repository; kMissing, with
// its name, when one is not there. Asks for lists: a thousand names each.
Result<std::vector<uint64_t>> sizes_of_packs(store::ObjectStore& objects,
                                             const catalog::LineageLayout& layout,
                                             const std::vector<catalog::ManifestPack>& packs);

}  // namespace walkback::backup
