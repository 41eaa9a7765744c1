#include "store/remembering_store.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
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
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    listed_after = after;
    return ForwardingStore::list(prefix, after, visit);
  }
  Result<std::unique_ptr<ObjectReader>> open(const ObjectKey& key) override {
    ++opens;
    return ForwardingStore::open(key);
  }
  int gets = 0, opens = 0;
  std::string listed_after;
};

class RememberingStoreTest : public testing::Test {
 protected:
  std::unique_ptr<ObjectStore> opened() {
    auto counted = std::make_unique<CountedStore>(*place_);
    counted_ = counted.get();
    return make_remembering_store(std::move(counted), read_);
  }
  std::unique_ptr<ObjectStore> place_ = make_memory_store();
  ManualClock clock_;
  std::shared_ptr<ReadObjects> read_ = std::make_shared<ReadObjects>(
      WhatToRemember{[](const ObjectKey& key) { return key.text().starts_with("events/"); },
                     [](std::string_view prefix) { return prefix == "events/"; },
                     [](const ObjectKey& key) { return key.text().starts_with("wal/"); }},
      10, clock_);
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

std::string read(ObjectStore& store, const ObjectKey& key) {
  auto reader = store.open(key).value();
  Bytes bytes(reader->size());
  EXPECT_TRUE(reader->read_at(0, bytes).ok());
  EXPECT_EQ(reader->read_at(1, bytes).error().kind, ErrorKind::kCorrupt);
  return std::string(as_text(bytes));
}

TEST_F(RememberingStoreTest, WhatIsOpenedAgainAndAgainIsReadOnce) {
  const ObjectKey index("wal/1.index");
  auto store = opened();
  EXPECT_EQ(store->open(index).error().kind, ErrorKind::kMissing);
  ASSERT_TRUE(store->put(index, as_bytes("changed blocks")).ok());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(read(*store, index), "changed blocks");
  EXPECT_EQ(counted_->gets, 1);
  EXPECT_EQ(counted_->opens, 1) << "of what was not there";
  ASSERT_TRUE(store->remove(index).ok());
  EXPECT_EQ(store->open(index).error().kind, ErrorKind::kMissing);
  // Others are only opened.
  ASSERT_TRUE(store->put(kPack, as_bytes("pages")).ok());
  EXPECT_EQ(read(*store, kPack), "pages");
  EXPECT_EQ(counted_->gets, 1);
}

TEST_F(RememberingStoreTest, OfWhatIsOpenedTheLastUsedIsKept) {
  auto store = opened();
  const auto key = [](uint64_t number) { return ObjectKey("wal/" + std::to_string(number)); };
  constexpr uint64_t kFit = kMostRecent / kLargestRecent;
  for (uint64_t i = 0; i <= kFit; ++i) {
    ASSERT_TRUE(store->put(key(i), Bytes(kLargestRecent)).ok());
  }
  for (uint64_t i = 0; i < kFit; ++i) ASSERT_TRUE(store->open(key(i)).ok());
  ASSERT_TRUE(store->open(key(0)).ok());
  ASSERT_TRUE(store->open(key(kFit)).ok());  // in the place of key(1)
  counted_->gets = 0;
  for (const uint64_t kept : {uint64_t{0}, uint64_t{2}, kFit})
    ASSERT_TRUE(store->open(key(kept)).ok());
  EXPECT_EQ(counted_->gets, 0);
  ASSERT_TRUE(store->open(key(1)).ok());
  EXPECT_EQ(counted_->gets, 1);
  // One that is larger than may be kept is opened.
  ASSERT_TRUE(store->put(ObjectKey("wal/large"), Bytes(kLargestRecent + 1)).ok());
  ASSERT_TRUE(store->open(ObjectKey("wal/large")).ok());
  EXPECT_EQ(counted_->gets, 1);
}

TEST_F(RememberingStoreTest, FoldersAreThoseThatWereThereWhenItWasFirstAsked) {
  auto store = opened();
  const auto folders = [&] { return store->list_folders("wal/").value().size(); };
  ASSERT_TRUE(place_->put(ObjectKey("wal/1/a"), as_bytes("x")).ok());
  EXPECT_EQ(folders(), 1U);
  ASSERT_TRUE(place_->put(ObjectKey("wal/2/a"), as_bytes("x")).ok());
  EXPECT_EQ(folders(), 1U);
  ASSERT_TRUE(store->put(ObjectKey("wal/3/a"), as_bytes("x")).ok());
  EXPECT_EQ(folders(), 3U) << "what it changes itself it sees";
  ASSERT_TRUE(place_->put(ObjectKey("wal/4/a"), as_bytes("x")).ok());
  store = opened();
  EXPECT_EQ(folders(), 4U);
}

TEST_F(RememberingStoreTest, AGrowingListingGoesOnWhereItEndedInEveryStore) {
  constexpr size_t kNames = 2 * kListedAnew;
  const auto names = [](ObjectStore& store, std::string_view prefix) {
    size_t count = 0;
    EXPECT_TRUE(store.list(prefix, "", [&](const ObjectInfo&) { return ++count > 0; }).ok());
    return count;
  };
  auto store = opened();
  for (size_t i = 0; i < kNames; ++i) {
    ASSERT_TRUE(store->put(ObjectKey("events/" + std::to_string(10'000 + i)), as_bytes("x")).ok());
  }
  EXPECT_EQ(names(*store, "events/"), kNames);
  EXPECT_EQ(counted_->listed_after, "");
  store = opened();
  EXPECT_EQ(names(*store, "events/"), kNames);
  EXPECT_EQ(counted_->listed_after, "events/10499");
  // Another prefix, and one in which something was removed, is listed whole.
  EXPECT_EQ(names(*store, "event"), kNames);
  EXPECT_EQ(counted_->listed_after, "");
  ASSERT_TRUE(store->remove(ObjectKey("events/10000")).ok());
  EXPECT_EQ(names(*store, "events/"), kNames - 1);
}

}  // namespace
}  // namespace walkback::store
