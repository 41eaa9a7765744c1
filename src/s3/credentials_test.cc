#include "s3/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/testing/manual_clock.h"

namespace walkback::s3 {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// A source that a test fills.
class FakeSource final : public CredentialsSource {
 public:
  struct State {
    std::atomic<int> fetched = 0;
    std::function<Result<std::optional<Credentials>>()> answer;
  };
  FakeSource(State& state, std::string place) : state_(state), place_(std::move(place)) {}
  Result<std::optional<Credentials>> fetch() override {
    ++state_.fetched;
    return state_.answer();
  }
  std::string place() const override { return place_; }

 private:
  State& state_;
  std::string place_;
};

Credentials named(std::string id, std::optional<Timestamp> expires = {}) {
  Credentials credentials;
  credentials.access_key_id = std::move(id);
  credentials.secret_access_key = "secret";
  credentials.expires = expires;
  return credentials;
}

struct ProviderTest : ::testing::Test {
  ProviderTest() {
    first.answer = [] { return std::optional<Credentials>(); };
    second.answer = [this] {
      return std::optional(named("key-" + std::to_string(second.fetched), clock.now() + 1h));
    };
    std::vector<std::unique_ptr<CredentialsSource>> sources;
    sources.push_back(std::make_unique<FakeSource>(first, "the first place"));
    sources.push_back(std::make_unique<FakeSource>(second, "the second place"));
    provider = make_credentials_provider(std::move(sources), clock);
  }
  std::string id() { return provider->get().value()->access_key_id; }

  ManualClock clock{{1'700'000'000'000'000}};
  FakeSource::State first;
  FakeSource::State second;
  std::unique_ptr<CredentialsProvider> provider;
};

TEST_F(ProviderTest, TheFirstPlaceThatHasSomeIsTakenAndKept) {
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(first.fetched, 1);
  EXPECT_EQ(second.fetched, 1);
}

TEST_F(ProviderTest, NewOnesAreFetchedBeforeTheOldExpireAndFromTheSamePlace) {
  EXPECT_EQ(id(), "key-1");
  clock.advance(54min);
  EXPECT_EQ(id(), "key-1");
  clock.advance(2min);
  EXPECT_EQ(id(), "key-2");
  EXPECT_EQ(first.fetched, 1);
}

TEST_F(ProviderTest, ARefreshThatFailsLeavesTheOldOnesWhileTheyHold) {
  EXPECT_EQ(id(), "key-1");
  clock.advance(56min);
  second.answer = [] { return make_error(ErrorKind::kTransient, "the service is away"); };
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(second.fetched, 2);  // not with every request
  clock.advance(31s);
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(second.fetched, 3);
  clock.advance(10min);
  EXPECT_EQ(provider->get().error().kind, ErrorKind::kTransient);
}

TEST_F(ProviderTest, APlaceThatHasNoneAnyMoreMayHaveThemLater) {
  EXPECT_EQ(id(), "key-1");
  clock.advance(2h);
  second.answer = [] { return std::optional<Credentials>(); };
  EXPECT_EQ(provider->get().error().kind, ErrorKind::kTransient);
}

TEST_F(ProviderTest, WhatTheServerCallsExpiredIsFetchedAgainOnce) {
  auto old = provider->get().value();
  provider->expired(*old);
  EXPECT_EQ(id(), "key-2");
  provider->expired(*old);  // another thread, later: its news is old
  EXPECT_EQ(id(), "key-2");
}

TEST_F(ProviderTest, NoneAnywhereSaysWhereWasLooked) {
  second.answer = [] { return std::optional<Credentials>(); };
  Error error = provider->get().error();
  EXPECT_EQ(error.kind, ErrorKind::kDenied);
  EXPECT_THAT(error.message, HasSubstr("looked at: the first place; the second place"));
}

TEST_F(ProviderTest, AnErrorInAPlaceThatIsSetUpIsNotSkipped) {
  first.answer = [] { return make_error(ErrorKind::kInvalid, "half a key"); };
  EXPECT_THAT(provider->get().error().message, HasSubstr("half a key"));
  EXPECT_EQ(second.fetched, 0);
}

TEST_F(ProviderTest, OneThreadRefreshesWhileOthersGoOnWithTheOld) {
  EXPECT_EQ(id(), "key-1");
  clock.advance(56min);
  std::atomic<bool> asked = false;
  std::atomic<bool> answer = false;
  second.answer = [&] {
    asked = true;
    while (!answer) std::this_thread::sleep_for(1ms);
    return std::optional(named("new", clock.now() + 1h));
  };
  std::thread refresher([&] { EXPECT_EQ(id(), "new"); });
  while (!asked) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(id(), "key-1");
  EXPECT_EQ(second.fetched, 2);
  answer = true;
  refresher.join();
  EXPECT_EQ(id(), "new");
}

}  // namespace
}  // namespace walkback::s3
