#include "store/growing_listing.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::store {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Says how many names a listing gave: what a server's requests are for.
class ListedNames final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    return ForwardingStore::list(prefix, after, [&](const ObjectInfo& info) {
      ++names;
      return visit(info);
    });
  }
  size_t names = 0;
};

class GrowingListingTest : public testing::Test {
 protected:
  static ObjectKey key(int number) { return ObjectKey(fmt::format("wal/0000/{:08}.zst", number)); }
  void put(int number) {
    ASSERT_TRUE(objects_->put(key(number), Bytes(static_cast<size_t>(number % 300))).ok());
  }
  void put_range(int begin, int end) {
    for (int number = begin; number < end; ++number) put(number);
  }
  using Seen = std::vector<std::pair<std::string, uint64_t>>;
  static Seen seen_by(const std::function<Result<void>(const ObjectStore::Visitor&)>& list) {
    Seen seen;
    EXPECT_TRUE(list([&](const ObjectInfo& info) {
                  seen.emplace_back(info.key.text(), info.size);
                  return true;
                }).ok());
    return seen;
  }
  Seen remembered() {
    store_.names = 0;
    return seen_by([&](const auto& visit) { return listing_.list(store_, "wal/", clock_, visit); });
  }
  Seen there() {
    return seen_by([&](const auto& visit) { return objects_->list("wal/", "", visit); });
  }

  const std::unique_ptr<ObjectStore> objects_ = make_memory_store();
  ListedNames store_{*objects_};
  ManualClock clock_;
  GrowingListing listing_;
};

TEST_F(GrowingListingTest, GivesWhatIsThere) {
  EXPECT_THAT(remembered(), IsEmpty());
  put_range(0, 3);
  EXPECT_EQ(remembered(), there());
  put_range(3, 5000);
  EXPECT_EQ(remembered(), there());
  EXPECT_EQ(remembered(), there());
}

TEST_F(GrowingListingTest, AsksForNoMoreThanAPageOnceItKnowsTheRest) {
  constexpr int kKnown = 3000, kCome = 1000, kBetweenLooks = 5;
  put_range(0, kKnown);
  EXPECT_EQ(remembered().size(), size_t{kKnown});
  EXPECT_EQ(store_.names, size_t{kKnown});
  for (int number = kKnown; number < kKnown + kCome; number += kBetweenLooks) {
    put_range(number, number + kBetweenLooks);
    ASSERT_EQ(remembered().size(), static_cast<size_t>(number + kBetweenLooks));
    ASSERT_GE(store_.names, kListedAnew);
    ASSERT_LE(store_.names, 1000U);
  }
  EXPECT_EQ(remembered(), there());
}

TEST_F(GrowingListingTest, SeesWhatComesALittleLate) {
  put_range(0, 2000);
  ASSERT_TRUE(objects_->remove(key(1600)).ok());
  remembered();
  put(1600);
  EXPECT_EQ(remembered(), there());
}

TEST_F(GrowingListingTest, AfterAnHourItIsWhole) {
  put_range(0, 2000);
  remembered();
  ASSERT_TRUE(objects_->remove(key(7)).ok());
  EXPECT_EQ(remembered().size(), 2000U);
  clock_.advance(kListedWhole);
  EXPECT_EQ(remembered(), there());
  EXPECT_EQ(remembered(), there());
}

TEST_F(GrowingListingTest, AVisitorThatStopsLeavesNothingHalfKnown) {
  put_range(0, 3000);
  const auto first_three = [&] {
    std::vector<std::string> names;
    EXPECT_TRUE(listing_
                    .list(store_, "wal/", clock_,
                          [&](const ObjectInfo& info) {
                            names.push_back(info.key.text());
                            return names.size() < 3;
                          })
                    .ok());
    return names;
  };
  const auto expected = ElementsAre(key(0).text(), key(1).text(), key(2).text());
  EXPECT_THAT(first_three(), expected);
  EXPECT_EQ(remembered(), there());
  EXPECT_THAT(first_three(), expected);
  EXPECT_EQ(remembered(), there());
}

TEST_F(GrowingListingTest, AFailureIsNotRemembered) {
  class Failing final : public ForwardingStore {
   public:
    using ForwardingStore::ForwardingStore;
    Result<void> list(std::string_view, std::string_view, const Visitor& visit) override {
      (void)visit({key(0), 1});
      return make_error(ErrorKind::kTransient, "the connection was lost");
    }
  };
  put_range(0, 3000);
  Failing failing(*objects_);
  const auto nothing = [](const ObjectInfo&) { return true; };
  EXPECT_FALSE(listing_.list(failing, "wal/", clock_, nothing).ok());
  EXPECT_EQ(remembered(), there());
  EXPECT_FALSE(listing_.list(failing, "wal/", clock_, nothing).ok());
  EXPECT_EQ(remembered(), there());
}

}  // namespace
}  // namespace walkback::store
