// A store's listing, asked for page by page: two are walked side by side. Internal to store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/object_store.h"

namespace walkback::store {

class Listing {
 public:
  Listing(ObjectStore& store, std::string_view prefix, std::string_view after)
      : store_(store), prefix_(prefix), after_(after) {}

  // Null at the end.
  Result<const ObjectInfo*> peek() {
    if (next_ == page_.size() && !ended_) TRY(read_page());
    return next_ == page_.size() ? nullptr : &page_[next_];
  }
  void skip() { ++next_; }

 private:
  static constexpr size_t kPageObjects = 1000;  // what S3 gives with one request

  Result<void> read_page() {
    page_.clear();
    next_ = 0;
    ended_ = true;
    TRY(store_.list(prefix_, after_, [&](const ObjectInfo& info) {
      page_.push_back(info);
      ended_ = page_.size() < kPageObjects;
      return ended_;
    }));
    if (!page_.empty()) after_ = page_.back().key.text();
    return success();
  }

  ObjectStore& store_;
  const std::string prefix_;
  std::string after_;
  std::vector<ObjectInfo> page_;
  size_t next_ = 0;
  bool ended_ = false;
};

}  // namespace walkback::store
