#include "store/mirrored_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "base/testing/seeds.h"
#include "store/memory_store.h"
#include "store/testing/faulty_store.h"
#include "store/testing/switched_store.h"

namespace walkback::store {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr nanoseconds kNoDeadline = nanoseconds::max();
const ObjectKey kWhole("whole.json");
const ObjectKey kKey("clusters/a");

class MirroredStoreTest : public testing::Test {
 protected:
  MirroredStoreTest() { put_both(kWhole, "1"); }

  // As another process would see it.
  std::unique_ptr<ObjectStore> open(bool first_required = true, bool second_required = true) {
    return make_mirrored_store({make_switched_store(*first_, first_power_), first_required},
                               {make_switched_store(*second_, second_power_), second_required},
                               kWhole, use_, clock_,
                               [this](const Error& error) { told_.push_back(error.message); });
  }
  void put_both(const ObjectKey& key, std::string_view text) {
    ASSERT_TRUE(first_->put(key, as_bytes(text)).ok());
    ASSERT_TRUE(second_->put(key, as_bytes(text)).ok());
  }
  static std::string read(ObjectStore& store, const ObjectKey& key) {
    const auto bytes = store.get(key);
    if (!bytes.ok()) return bytes.error().message;
    return *bytes ? std::string(as_text(**bytes)) : "nothing";
  }
  static std::vector<std::string> names(ObjectStore& store, std::string_view prefix = "") {
    std::vector<std::string> all;
    EXPECT_TRUE(store
                    .list(prefix, "",
                          [&](const ObjectInfo& info) {
                            all.push_back(info.key.text());
                            return true;
                          })
                    .ok());
    return all;
  }
  void expect_equal_places() {
    EXPECT_EQ(names(*first_), names(*second_));
    for (const std::string& name : names(*first_)) {
      EXPECT_EQ(read(*first_, ObjectKey(name)), read(*second_, ObjectKey(name))) << name;
    }
  }

  ManualClock clock_{Timestamp{1'764'000'000'000'000}};
  std::unique_ptr<ObjectStore> first_ = make_memory_store();
  std::unique_ptr<ObjectStore> second_ = make_memory_store();
  Switch first_power_, second_power_;
  MirrorUse use_ = MirrorUse::kGoesOn;
  std::vector<std::string> told_;
};

TEST_F(MirroredStoreTest, WhatIsPutGoesToBothPlaces) {
  const auto mirror = open();
  EXPECT_EQ(mirror->put(kKey, as_bytes("x")).value(), PutOutcome::kCreated);
  auto writer = mirror->create(ObjectKey("clusters/b")).value();
  ASSERT_TRUE(writer->append(as_bytes("in ")).ok());
  ASSERT_TRUE(writer->append(as_bytes("pieces")).ok());
  EXPECT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_EQ(read(*second_, ObjectKey("clusters/b")), "in pieces");
  expect_equal_places();
  EXPECT_EQ(mirror->put(kKey, as_bytes("y")).value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(read(*mirror, kKey), "x");
  ASSERT_TRUE(mirror->remove(kKey).ok());
  EXPECT_EQ(read(*first_, kKey) + read(*second_, kKey), "nothingnothing");
}

TEST_F(MirroredStoreTest, NothingIsAcknowledgedThatARequiredPlaceLacks) {
  for (Switch* power : {&first_power_, &second_power_}) {
    power->off = true;
    EXPECT_FALSE(open()->put(kKey, as_bytes("x")).ok());
    EXPECT_FALSE(open()->create(ObjectKey("clusters/b")).ok());
    power->off = false;
  }
  // As PostgreSQL tries a segment again, whose ciphertext is another then.
  EXPECT_EQ(open()->put(kKey, as_bytes("other bytes")).value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(read(*second_, kKey), "x");
  expect_equal_places();
}

TEST_F(MirroredStoreTest, APlaceThatIsNotRequiredCatchesUp) {
  second_power_.off = true;
  EXPECT_EQ(open(true, false)->put(kKey, as_bytes("x")).value(), PutOutcome::kCreated);
  EXPECT_THAT(told_, ElementsAre(HasSubstr("has to catch up later")));
  EXPECT_THAT(names(*first_, "behind/"), ElementsAre("behind/001764000000/put/clusters/a"));
  second_power_.off = false;
  // Another process, at once: the place rests.
  EXPECT_EQ(open(true, false)->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 0u);
  clock_.advance(kRestAfterFailure);
  EXPECT_EQ(open(true, false)->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 1u);
  EXPECT_EQ(read(*second_, kKey), "x");
  EXPECT_THAT(names(*first_, "behind/"), IsEmpty());
  expect_equal_places();
}

TEST_F(MirroredStoreTest, TheFirstPlaceMayBeTheOneThatCatchesUp) {
  first_power_.off = true;
  auto mirror = open(false, true);
  auto writer = mirror->create(kKey).value();
  ASSERT_TRUE(writer->append(as_bytes("x")).ok());
  EXPECT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_EQ(read(*mirror, kKey), "x");
  first_power_.off = false;
  clock_.advance(kRestAfterFailure);
  EXPECT_EQ(mirror->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 1u);
  expect_equal_places();
}

TEST_F(MirroredStoreTest, APlaceThatFailsWhileItIsWrittenIsLeftBehind) {
  auto mirror = open(true, false);
  auto writer = mirror->create(kKey).value();
  ASSERT_TRUE(writer->append(as_bytes("to both, ")).ok());
  second_power_.off = true;
  ASSERT_TRUE(writer->append(as_bytes("to one")).ok());
  EXPECT_EQ(writer->finish().value(), PutOutcome::kCreated);
  EXPECT_EQ(read(*first_, kKey), "to both, to one");
  second_power_.off = false;
  clock_.advance(kRestAfterFailure);
  EXPECT_EQ(mirror->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 1u);
  expect_equal_places();
}

TEST_F(MirroredStoreTest, AnOutageCostsItsTimeOutOnceInAWhile) {
  second_power_.off = true;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(open(true, false)->put(ObjectKey("clusters/" + std::to_string(i)), {}).ok());
  }
  EXPECT_EQ(second_power_.calls, 1);
  clock_.advance(kRestAfterFailure);
  ASSERT_TRUE(open(true, false)->put(ObjectKey("clusters/more"), {}).ok());
  EXPECT_EQ(second_power_.calls, 2);
  EXPECT_THAT(names(*first_, "behind/"), SizeIs(21));
}

TEST_F(MirroredStoreTest, ARemovalThatWasMissedIsMadeUpFor) {
  put_both(kKey, "x");
  second_power_.off = true;
  ASSERT_TRUE(open(true, false)->remove(kKey).ok());
  second_power_.off = false;
  clock_.advance(kRestAfterFailure);
  EXPECT_EQ(open(true, false)->catch_up(CatchUpExtent::kAll, kNoDeadline)->removed, 1u);
  EXPECT_EQ(names(*second_), names(*first_));
  EXPECT_EQ(read(*second_, kKey), "nothing");
}

TEST_F(MirroredStoreTest, WhatOnePlaceLostTheOtherGives) {
  put_both(kKey, "x");
  ASSERT_TRUE(first_->remove(kKey).ok());
  ASSERT_TRUE(second_->put(ObjectKey("clusters/b"), {}).ok());
  const auto mirror = open();
  EXPECT_EQ(read(*mirror, kKey), "x");
  EXPECT_TRUE(mirror->info(kKey)->has_value());
  Bytes one(1);
  ASSERT_TRUE(mirror->open(kKey).value()->read_at(0, one).ok());
  EXPECT_EQ(as_text(one), "x");
  EXPECT_THAT(names(*mirror, "clusters/"), ElementsAre("clusters/a", "clusters/b"));
  EXPECT_THAT(mirror->list_folders("").value(), ElementsAre("clusters"));
}

TEST_F(MirroredStoreTest, WithOnePlaceGoneTheOtherIsReadAndThatIsSaid) {
  put_both(kKey, "x");
  auto mirror = open();
  auto reader = mirror->open(kKey).value();
  first_power_.off = true;
  Bytes one(1);
  ASSERT_TRUE(reader->read_at(0, one).ok()) << "in the middle of a recovery";
  EXPECT_EQ(read(*mirror, kKey), "x");
  EXPECT_THAT(names(*mirror), ElementsAre("clusters/a", "whole.json"));
  EXPECT_THAT(mirror->list_folders("").value(), ElementsAre("clusters"));
  EXPECT_FALSE(mirror->get(ObjectKey("clusters/none"))->has_value());
  EXPECT_THAT(told_, ElementsAre(HasSubstr("asking memory: instead")));
}

// Or a recovery would take the end of what it sees for the end of the archive.
TEST_F(MirroredStoreTest, ThatSomethingIsMissingIsNotBelievedOfAPlaceThatMayLackIt) {
  const ObjectKey none("clusters/none");
  second_power_.off = true;
  EXPECT_FALSE(open(false, true)->get(none).ok()) << "not required: it may be behind";
  EXPECT_FALSE(open(false, true)->open(none).ok());
  EXPECT_NE(open(false, true)->open(none).error().kind, ErrorKind::kMissing);
  EXPECT_FALSE(open(false, true)->list("", "", [](const ObjectInfo&) { return true; }).ok());
  ASSERT_TRUE(first_->remove(kWhole).ok());
  EXPECT_FALSE(open()->get(none).ok()) << "a new disk in its place";
  EXPECT_FALSE(open()->list_folders("").ok());
}

TEST_F(MirroredStoreTest, OfTwoObjectsOfOneNameTheOlderWins) {
  ASSERT_TRUE(second_->put(kKey, as_bytes("older")).ok());
  EXPECT_EQ(open()->put(kKey, as_bytes("newer")).value(), PutOutcome::kAlreadyExists);
  EXPECT_EQ(read(*first_, kKey), "older");
  expect_equal_places();
  ASSERT_TRUE(second_->put(ObjectKey("clusters/same"), as_bytes("x")).ok());
  EXPECT_EQ(open()->put(ObjectKey("clusters/same"), as_bytes("x")).value(), PutOutcome::kCreated);
}

// What makes a repository one comes last in its place: until then nobody takes it for whole.
TEST_F(MirroredStoreTest, ANewPlaceIsGivenEverything) {
  for (int i = 0; i < 2'500; ++i) {
    ASSERT_TRUE(first_->put(ObjectKey("clusters/" + std::to_string(i)), as_bytes("x")).ok());
  }
  second_ = make_memory_store();
  EXPECT_FALSE(open()->put(kKey, as_bytes("x")).ok()) << "a disk that is not mounted";
  EXPECT_FALSE(open()->catch_up(CatchUpExtent::kAll, kNoDeadline).ok());
  EXPECT_THAT(names(*second_), IsEmpty());
  use_ = MirrorUse::kBegins;
  EXPECT_EQ(open()->catch_up(CatchUpExtent::kCount, kNoDeadline)->behind, 2'502u);
  EXPECT_EQ(open()->catch_up(CatchUpExtent::kAll, kNoDeadline)->copied, 2'502u);
  EXPECT_EQ(open()->catch_up(CatchUpExtent::kCount, kNoDeadline)->behind, 0u);
  expect_equal_places();
}

TEST_F(MirroredStoreTest, TwoRepositoriesAreNotTakenForOne) {
  second_ = make_memory_store();
  ASSERT_TRUE(second_->put(kWhole, as_bytes("2")).ok());
  ASSERT_TRUE(second_->put(ObjectKey("clusters/b"), as_bytes("of another cluster")).ok());
  const auto mirror = open();
  EXPECT_THAT(mirror->put(kKey, as_bytes("x")).error().message, HasSubstr("another repository"));
  EXPECT_FALSE(mirror->catch_up(CatchUpExtent::kAll, kNoDeadline).ok());
  EXPECT_THAT(names(*second_), ElementsAre("clusters/b", "whole.json"));
  first_power_.off = true;
  EXPECT_EQ(open()->get(kKey).value(), std::nullopt)
      << "alone it cannot be told from the right one";
}

TEST_F(MirroredStoreTest, CatchingUpEndsInTime) {
  second_power_.off = true;
  ASSERT_TRUE(open(true, false)->put(kKey, as_bytes("x")).ok());
  second_power_.off = false;
  clock_.advance(kRestAfterFailure);
  EXPECT_EQ(open(true, false)->catch_up(CatchUpExtent::kNoted, clock_.monotonic())->copied, 0u);
  EXPECT_THAT(names(*first_, "behind/"), SizeIs(1));
}

// A bad sector under one object must not keep the others from being copied.
TEST_F(MirroredStoreTest, WhatCannotBeReadIsPassedOver) {
  second_power_.off = true;
  ASSERT_TRUE(open(true, false)->put(ObjectKey("clusters/a"), as_bytes("a")).ok());
  ASSERT_TRUE(open(true, false)->put(ObjectKey("clusters/b"), as_bytes("b")).ok());
  second_power_.off = false;
  clock_.advance(kRestAfterFailure);
  Switch bad_sector;
  bad_sector.off = true;
  bad_sector.only = "clusters/a";
  const auto mirror = make_mirrored_store(
      {make_switched_store(*first_, bad_sector), true},
      {make_switched_store(*second_, second_power_), false}, kWhole, MirrorUse::kGoesOn, clock_,
      [this](const Error& error) { told_.push_back(error.message); });
  EXPECT_EQ(mirror->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 1u);
  EXPECT_EQ(read(*second_, ObjectKey("clusters/b")), "b");
  EXPECT_THAT(told_.back(), HasSubstr("passed over"));
  EXPECT_EQ(open(true, false)->catch_up(CatchUpExtent::kNoted, kNoDeadline)->copied, 1u);
  expect_equal_places();
}

// It may be the last one.
TEST_F(MirroredStoreTest, WhatTheOtherLostIsNotRemovedHere) {
  second_power_.off = true;
  ASSERT_TRUE(open(true, false)->put(kKey, as_bytes("x")).ok());
  second_power_.off = false;
  ASSERT_TRUE(second_->put(kKey, as_bytes("x")).ok());
  ASSERT_TRUE(first_->remove(kKey).ok());
  clock_.advance(kRestAfterFailure);
  ASSERT_TRUE(open(true, false)->catch_up(CatchUpExtent::kAll, kNoDeadline).ok());
  EXPECT_EQ(read(*first_, kKey), "x");
}

TEST_F(MirroredStoreTest, APlaceThatDiedIsNotAskedForEveryObject) {
  put_both(kKey, "x");
  const auto mirror = open();
  auto reader = mirror->open(kKey).value();
  first_power_.off = true;
  Bytes one(1);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(read(*mirror, kKey), "x");
    ASSERT_TRUE(reader->read_at(0, one).ok());
  }
  EXPECT_LE(first_power_.calls, 2);
}

// Whatever is acknowledged is there, and both places are the same in the end.
TEST_F(MirroredStoreTest, AfterADayOfFaultsBothPlacesAreTheSame) {
  const Seeds seeds = test_seeds(20);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE(seed);
    first_ = make_memory_store();
    second_ = make_memory_store();
    put_both(kWhole, "1");
    SeededRandom random(seed);
    const auto faulty = make_faulty_store(*second_, {.seed = seed, .percent = 20});
    std::map<std::string, std::string> acknowledged;
    for (int i = 0; i < 60; ++i) {
      clock_.advance(std::chrono::seconds(random.below(40)));
      auto mirror = make_mirrored_store({make_switched_store(*first_, first_power_), true},
                                        {make_switched_store(*faulty, second_power_), false},
                                        kWhole, MirrorUse::kGoesOn, clock_, [](const Error&) {});
      const std::string name = "clusters/" + std::to_string(random.below(30));
      const std::string text = name + " at " + std::to_string(i);
      if (random.percent(20)) {
        if (mirror->remove(ObjectKey(name)).ok()) acknowledged.erase(name);
      } else if (random.percent(50)) {
        const auto put = mirror->put(ObjectKey(name), as_bytes(text));
        if (put.ok() && *put == PutOutcome::kCreated) acknowledged[name] = text;
      } else {
        auto writer = mirror->create(ObjectKey(name));
        if (!writer.ok() || !(*writer)->append(as_bytes(text)).ok()) continue;
        const auto put = (*writer)->finish();
        if (put.ok() && *put == PutOutcome::kCreated) acknowledged[name] = text;
      }
      if (random.percent(20)) (void)mirror->catch_up(CatchUpExtent::kNoted, kNoDeadline);
    }
    clock_.advance(kRestAfterFailure);
    ASSERT_TRUE(open(true, false)->catch_up(CatchUpExtent::kAll, kNoDeadline).ok());
    expect_equal_places();
    for (const auto& [name, text] : acknowledged) EXPECT_EQ(read(*second_, ObjectKey(name)), text);
  }
}

}  // namespace
}  // namespace walkback::store
