// A store that reads what does not change only once, for a program that looks again every minute.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "store/object_store.h"

namespace walkback::store {

// What was read, for any number of stores that are one place. Objects never change, so it is never
// wrong; whether an object is still there is asked of info() and list(), which are not remembered.
// Thread-safe.
class ReadObjects {
 public:
  // Beyond `most_bytes` nothing more is remembered.
  ReadObjects(std::function<bool(const ObjectKey&)> concerns, uint64_t most_bytes)
      : concerns_(std::move(concerns)), most_bytes_(most_bytes) {}

  bool concerns(const ObjectKey& key) const { return concerns_(key); }
  std::optional<Bytes> find(const ObjectKey& key);
  void remember(const ObjectKey& key, const Bytes& bytes);
  void forget(const ObjectKey& key);

 private:
  const std::function<bool(const ObjectKey&)> concerns_;
  const uint64_t most_bytes_;
  std::mutex mutex_;
  std::map<ObjectKey, Bytes> objects_;
  uint64_t bytes_ = 0;
};

std::unique_ptr<ObjectStore> make_remembering_store(std::unique_ptr<ObjectStore> beneath,
                                                    std::shared_ptr<ReadObjects> read);

}  // namespace walkback::store
