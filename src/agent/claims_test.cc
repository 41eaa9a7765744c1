#include "agent/claims.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/testing/manual_clock.h"
#include "base/time_text.h"
#include "store/memory_store.h"

namespace walkback::agent {
namespace {

class ClaimsTest : public testing::Test {
 protected:
  // By the name of the claim's object; empty where another has it.
  std::string take(const Work& work) {
    const auto claim = take_claim(*store_, "main", work, clock_).value();
    return claim ? claim->text() : "";
  }
  // As an agent of another host would have.
  void put_by_another(const std::string& name, Timestamp at) {
    const std::string text = R"({"claimed_at": ")" + to_iso_utc(at) +
                             R"(", "host": "db2", "process": "elsewhere", "failures": 0})";
    ASSERT_TRUE(store_->put(store::ObjectKey(name), as_bytes(text)).ok());
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    EXPECT_TRUE(store_
                    ->list("", "",
                           [&](const store::ObjectInfo& info) {
                             names.push_back(info.key.text());
                             return true;
                           })
                    .ok());
    return names;
  }

  std::unique_ptr<store::ObjectStore> store_ = store::make_memory_store();
  ManualClock clock_{parse_iso_utc("2026-11-26T02:00:03Z").value()};
  const Work work_{schedule::Job::kBackup, parse_iso_utc("2026-11-26T02:00:00Z").value(), 0};
};

const std::string kFirst = "clusters/main/claims/backup/20261126T020000Z-0.json";
const std::string kSecond = "clusters/main/claims/backup/20261126T020000Z-1.json";

TEST_F(ClaimsTest, OneOfTwoGetsIt) {
  EXPECT_EQ(take(work_), kFirst);
  EXPECT_EQ(take(work_), "");
}

TEST_F(ClaimsTest, OfManyAtOnceExactlyOneGetsIt) {
  std::atomic<int> got = 0;
  {
    std::vector<std::jthread> agents;
    for (int i = 0; i < 8; ++i) {
      agents.emplace_back([&] { got += take(work_).empty() ? 0 : 1; });
    }
  }
  EXPECT_EQ(got, 1);
}

TEST_F(ClaimsTest, OneThatWasLeftBehindEndsByTime) {
  put_by_another(kFirst, clock_.now());
  clock_.advance(kClaimHeld);
  EXPECT_EQ(take(work_), "");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(take(work_), kSecond);
}

TEST_F(ClaimsTest, OneOfAWrongClockEndsNow) {
  put_by_another(kFirst, clock_.now() + std::chrono::hours(24 * 365));
  EXPECT_EQ(take(work_), kSecond);
}

TEST_F(ClaimsTest, ARetryIsAnotherWork) {
  EXPECT_EQ(take(work_), kFirst);
  Work again = work_;
  again.failures = 1;
  EXPECT_EQ(take(again), kSecond);
  EXPECT_EQ(take(again), "");
}

TEST_F(ClaimsTest, OneThatCannotBeReadStopsNobody) {
  ASSERT_TRUE(store_->put(store::ObjectKey(kFirst), as_bytes("{")).ok());
  EXPECT_EQ(take(work_), kSecond);
}

TEST_F(ClaimsTest, OlderOnesOfTheJobAreRemoved) {
  EXPECT_EQ(take(work_), kFirst);
  Work prune = work_;
  prune.job = schedule::Job::kPrune;
  const std::string of_prune = take(prune);
  Work later = work_;
  later.instant = later.instant + std::chrono::hours(1);
  const std::string newest = take(later);
  EXPECT_EQ(names(), (std::vector<std::string>{newest, of_prune}));
}

}  // namespace
}  // namespace walkback::agent
