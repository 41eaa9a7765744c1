#include "store/remembering_store.h"

#include <gtest/gtest.h>

#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::store {
namespace {

// Counts what reaches it.
class CountedStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<std::optional<Bytes>> get(const ObjectKey& key) override {
    ++gets;
    return ForwardingStore::get(key);
  }
  int gets = 0;
};

class RememberingStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ObjectStore> opened() {
    auto counted = std::make_unique<CountedStore>(*place_);
    counted_ = counted.get();
    return make_remembering_store(std::move(counted), read_);
  }
  std::unique_ptr<ObjectStore> place_ = make_memory_store();
  std::shared_ptr<ReadObjects> read_ = std::make_shared<ReadObjects>(
      [](const ObjectKey& key) { return key.text().starts_with("events/"); }, 10);
  CountedStore* counted_ = nullptr;
};

const ObjectKey kEvent("events/a"), kPack("packs/a");

TEST_F(RememberingStoreTest, WhatWasReadIsNotReadAgainByAnyStore) {
  auto store = opened();
  ASSERT_TRUE(store->put(kEvent, as_bytes("begun")).ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(as_text(**store->get(kEvent)), "begun");
  EXPECT_EQ(counted_->gets, 1);
  store = opened();
  EXPECT_EQ(as_text(**store->get(kEvent)), "begun");
  EXPECT_EQ(counted_->gets, 0);
}

TEST_F(RememberingStoreTest, WhatWasNotThereIsAskedForAgain) {
  auto store = opened();
  EXPECT_EQ(*store->get(kEvent), std::nullopt);
  ASSERT_TRUE(store->put(kEvent, as_bytes("begun")).ok());
  EXPECT_EQ(as_text(**store->get(kEvent)), "begun");
}

TEST_F(RememberingStoreTest, WhatIsRemovedIsForgotten) {
  auto store = opened();
  ASSERT_TRUE(store->put(kEvent, as_bytes("begun")).ok());
  ASSERT_TRUE(store->get(kEvent).ok());
  ASSERT_TRUE(store->remove(kEvent).ok());
  EXPECT_EQ(*store->get(kEvent), std::nullopt);
}

TEST_F(RememberingStoreTest, OtherObjectsAndMoreThanItMayHoldAreReadEachTime) {
  auto store = opened();
  ASSERT_TRUE(store->put(kPack, as_bytes("x")).ok());
  ASSERT_TRUE(store->put(kEvent, as_bytes("more than ten bytes")).ok());
  for (const ObjectKey* key : {&kPack, &kEvent}) {
    counted_->gets = 0;
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(store->get(*key).ok());
    EXPECT_EQ(counted_->gets, 2);
  }
}

}  // namespace
}  // namespace walkback::store
