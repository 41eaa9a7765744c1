// A store that hands every call on: what a test double changes nothing of.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/object_store.h"

namespace walkback::store {

// `inner` outlives it. remove_all() is one remove() after another, so that a double of that is
// enough.
class ForwardingStore : public ObjectStore {
 public:
  explicit ForwardingStore(ObjectStore& inner) : inner_(inner) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    TRY(before(key.text()));
    return inner_.put(key, data);
  }
  Result<std::unique_ptr<ObjectWriter>> create(const ObjectKey& key) override {
    TRY(before(key.text()));
    return inner_.create(key);
  }
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    TRY(before(key.text()));
    return inner_.get(key);
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    TRY(before(key.text()));
    return inner_.open(key);
  }
  Result<std::optional<ObjectInfo>> info(const ObjectKey& key) override {
    TRY(before(key.text()));
    return inner_.info(key);
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    TRY(before(prefix));
    return inner_.list(prefix, after, visit);
  }
  Result<std::vector<std::string>> list_folders(std::string_view folder) override {
    TRY(before(folder));
    return inner_.list_folders(folder);
  }
  Result<void> remove(const ObjectKey& key) override {
    TRY(before(key.text()));
    return inner_.remove(key);
  }
  Result<CatchUp> catch_up(CatchUpExtent extent, std::chrono::nanoseconds deadline) override {
    return inner_.catch_up(extent, deadline);
  }
  bool conditional_put() const override { return inner_.conditional_put(); }
  bool encrypted() const override { return inner_.encrypted(); }
  ObjectKey stored_name(const ObjectKey& key) const override { return inner_.stored_name(key); }
  std::string description() const override { return inner_.description(); }

 protected:
  // Before each request, with the name, prefix or folder that it is about; an error is its answer.
  virtual Result<void> before(std::string_view name) {
    (void)name;
    return success();
  }

 private:
  ObjectStore& inner_;
};

}  // namespace walkback::store
