// The store against whatever server S3_ENDPOINT names: another dialect, a cluster whose daemons die
// under load (tests/s3/soak.sh), or a user's own. Skipped without one.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <iostream>
#include <map>
#include <mutex>

#include "base/task_group.h"
#include "base/testing/seeded_random.h"
#include "base/testing/seeds.h"
#include "s3/probe.h"
#include "s3/testing/faulty_http.h"
#include "s3/testing/radosgw.h"
#include "store/conformance.h"

namespace walkback::s3 {
namespace {

using namespace std::chrono_literals;
using store::ObjectKey;
using store::PutOutcome;
using testing::FaultyHttp;
using testing::Server;

struct ServerTest : ::testing::Test {
  void SetUp() override {
    server = Server::of_environment();
    if (!server) GTEST_SKIP() << "there is no S3_ENDPOINT";
    http = net::make_curl_client({.ca_file = server->ca_file()}, system_clock(), counters);
  }
  void expect_conformance(const S3Options& options, net::HttpClient& client) {
    auto store = open_s3_store(options, server->environment(client)).value();
    for (const store::ConformanceOutcome& outcome :
         store::run_all_checks(*store, system_random(), {.many_objects = 1'100})) {
      EXPECT_TRUE(outcome.result.ok())
          << outcome.name << ": " << (outcome.result.ok() ? "" : outcome.result.error().message);
    }
  }

  std::optional<Server> server;
  net::TrafficCounters counters;
  std::unique_ptr<net::HttpClient> http;
};

TEST_F(ServerTest, PassesTheConformanceSuite) { expect_conformance(server->new_bucket(), *http); }

TEST_F(ServerTest, PassesItOnABadNetwork) {
  Seeds seeds = test_seeds(1);
  for (uint64_t seed = seeds.first; seed < seeds.end(); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    FaultyHttp faulty(*http, seed, 33);
    S3Options options = server->new_bucket();
    options.retry = {.attempts = 30, .first_delay = 1ms, .longest_delay = 4ms};
    expect_conformance(options, faulty);
  }
}

TEST_F(ServerTest, IsProbed) {
  auto store = open_s3_store(server->new_bucket(), server->environment(*http)).value();
  Probe found = probe(*store).value();
  for (const Probe::Row& row : found.rows()) {
    constexpr const char* kWords[] = {"yes", "no", "unknown"};
    std::cout << fmt::format("{:24}{:8}{}\n", row.name,
                             kWords[static_cast<int>(row.trait->ability)], row.trait->detail);
  }
  EXPECT_EQ(found.ranges.ability, Ability::kYes);
  EXPECT_EQ(found.list_order.ability, Ability::kYes);
}

// Whatever happens to the server meanwhile, what it acknowledged is there afterwards.
TEST_F(ServerTest, EveryAcknowledgedObjectIsThere) {
  const char* text = std::getenv("WALKBACK_LOAD_SECONDS");
  auto end = system_clock().monotonic() + std::chrono::seconds(text ? std::stoi(text) : 5);
  auto store = open_s3_store(server->new_bucket(), server->environment(*http)).value();
  std::mutex mutex;
  std::map<std::string, uint64_t> seeds;  // of the contents, by name
  TaskGroup writers;
  for (int writer = 0; writer < 8; ++writer) {
    writers.start([&, writer](std::stop_token stop) -> Result<void> {
      for (int i = 0; system_clock().monotonic() < end && !stop.stop_requested(); ++i) {
        uint64_t seed = static_cast<uint64_t>(writer) * 1'000'000 + static_cast<uint64_t>(i);
        ObjectKey key(fmt::format("{}/{}", writer, i));
        size_t size = i % 20 == 0 ? 12u << 20 : 100'000;
        auto object = TRY(store->create(key));
        TRY(object->append(SeededRandom(seed).bytes(size)));
        EXPECT_EQ(TRY(object->finish()), PutOutcome::kCreated) << key.text();
        std::lock_guard lock(mutex);
        seeds[key.text()] = seed;
      }
      return success();
    });
  }
  Result<void> written = writers.wait();
  EXPECT_TRUE(written.ok()) << (written.ok() ? "" : written.error().message);
  for (const auto& [name, seed] : seeds) {
    auto content = store->get(ObjectKey(name)).value();
    ASSERT_TRUE(content.has_value()) << name;
    EXPECT_EQ(*content, SeededRandom(seed).bytes(content->size())) << name;
  }
  std::cout << fmt::format("{} objects; {}\n", seeds.size(), counters.totals().text());
}

}  // namespace
}  // namespace walkback::s3
