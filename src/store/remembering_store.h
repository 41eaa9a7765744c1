// A store that reads what does not change only once, and lists what only grows from where it ended,
// for a program that looks again every minute.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "store/growing_listing.h"
#include "store/object_store.h"

namespace walkback::store {

// Which objects, and which listings by their prefix.
struct WhatToRemember {
  std::function<bool(const ObjectKey&)> objects;
  std::function<bool(std::string_view prefix)> growing_listings = {};
  // Those that are opened are read whole instead, and the last few are kept.
  std::function<bool(const ObjectKey&)> recent_objects = {};
};
inline constexpr uint64_t kMostRecent = 8 << 20;     // bytes of those, together
inline constexpr uint64_t kLargestRecent = 1 << 20;  // as they are stored; others are just opened

// What was read, for any number of stores that are one place. Objects never change, so it is never
// wrong; whether an object is still there is asked of info() and list(). Of those, growing listings
// are remembered as growing_listing.h says. Thread-safe.
class ReadObjects {
 public:
  // Beyond `most_bytes` no more objects are remembered. `clock` outlives this.
  ReadObjects(WhatToRemember what, uint64_t most_bytes, Clock& clock)
      : what_(std::move(what)), most_bytes_(most_bytes), clock_(clock) {}

  bool concerns(const ObjectKey& key) const { return what_.objects(key); }
  std::optional<Bytes> find(const ObjectKey& key);
  void remember(const ObjectKey& key, const Bytes& bytes);
  // And the listings that it may be in.
  void forget(const ObjectKey& key);
  Result<std::unique_ptr<ObjectReader>> open(ObjectStore& beneath, const ObjectKey& key);
  Result<void> list(ObjectStore& beneath, std::string_view prefix, std::string_view after,
                    const ObjectStore::Visitor& visit);

 private:
  const WhatToRemember what_;
  const uint64_t most_bytes_;
  Clock& clock_;
  std::mutex mutex_;
  std::map<ObjectKey, Bytes> objects_;
  uint64_t bytes_ = 0;
  std::map<std::string, std::shared_ptr<GrowingListing>> listings_;  // by prefix

  struct Recent {
    ObjectKey key;
    std::shared_ptr<const Bytes> bytes;
  };
  using Recents = std::list<Recent>;
  std::shared_ptr<const Bytes> find_recent(const ObjectKey& key);
  void keep_recent(const ObjectKey& key, std::shared_ptr<const Bytes> bytes);

  Recents recents_;  // what was used last is first
  std::map<ObjectKey, Recents::iterator> recent_by_key_;
  uint64_t recent_bytes_ = 0;
};

std::unique_ptr<ObjectStore> make_remembering_store(std::unique_ptr<ObjectStore> beneath,
                                                    std::shared_ptr<ReadObjects> read);

}  // namespace walkback::store
