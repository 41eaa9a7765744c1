#include "store/conformance.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "base/testing/seeded_random.h"
#include "base/testing/simulated_files.h"
#include "store/file_store.h"
#include "store/memory_store.h"
#include "store/mirrored_store.h"
#include "store/testing/faulty_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::store {
namespace {

// A store and what it stands on.
struct Ground {
  std::unique_ptr<SimulatedFiles> simulated;
  std::filesystem::path directory;
  std::unique_ptr<ObjectStore> store;

  Ground() = default;
  Ground(Ground&&) = default;
  ~Ground() {
    if (!directory.empty()) std::filesystem::remove_all(directory);
  }
};

Ground memory() {
  Ground ground;
  ground.store = make_memory_store();
  return ground;
}

Ground real_directory() {
  Ground ground;
  std::string name = testing::TempDir() + "walkback-store-XXXXXX";
  CHECK(::mkdtemp(name.data()) != nullptr);
  ground.directory = name;
  ground.store = open_file_store(system_files(), system_random(), name + "/repository").value();
  return ground;
}

Ground simulated_directory() {
  Ground ground;
  ground.simulated = std::make_unique<SimulatedFiles>(1);
  ground.store = open_file_store(*ground.simulated, system_random(), "/repository").value();
  return ground;
}

Ground two_places() {
  Ground ground;
  ground.store =
      make_mirrored_store({make_memory_store()}, {make_memory_store()}, ObjectKey("whole.json"),
                          MirrorUse::kBegins, system_clock(), [](const Error&) {});
  return ground;
}

struct Kind {
  const char* name;
  Ground (*make)();
  uint64_t many_objects;
};
constexpr Kind kKinds[] = {{"Memory", memory, 5'000},
                           {"TwoPlaces", two_places, 3'000},
                           {"Directory", real_directory, 1'100},
                           {"SimulatedDirectory", simulated_directory, 3'000}};

using Case = std::tuple<Kind, ConformanceCheck>;
class ConformanceTest : public testing::TestWithParam<Case> {};

TEST_P(ConformanceTest, Holds) {
  auto [kind, check] = GetParam();
  Ground ground = kind.make();
  SeededRandom random(1);
  ConformanceOptions options;
  options.many_objects = kind.many_objects;
  Result<void> result = run_check(check, *ground.store, random, options);
  EXPECT_TRUE(result.ok()) << result.error().message;
  uint64_t left = 0;
  ASSERT_TRUE(ground.store->list("", "", [&](const ObjectInfo&) { return ++left > 0; }).ok());
  EXPECT_EQ(left, 0u) << "a check left objects behind";
}

INSTANTIATE_TEST_SUITE_P(Stores, ConformanceTest,
                         testing::Combine(testing::ValuesIn(kKinds),
                                          testing::ValuesIn(conformance_checks().begin(),
                                                            conformance_checks().end())),
                         [](const testing::TestParamInfo<Case>& test) {
                           return std::get<0>(test.param).name + std::string("_") +
                                  std::string(std::get<1>(test.param).name);
                         });

// A store that breaks its promises, one at a time, to see that the suite notices.
class BadStore final : public ForwardingStore {
 public:
  enum Fault {
    kReplaces,
    kAlwaysCreated,
    kUnordered,
    kForgetsAfter,
    kCutsTail,
    kKeepsRemoved,
    kNoLongLists
  };
  explicit BadStore(Fault fault, std::unique_ptr<ObjectStore> inner = make_memory_store())
      : ForwardingStore(*inner), fault_(fault), inner_(std::move(inner)) {}

  Result<PutOutcome> put(const ObjectKey& key, ByteView data) override {
    if (fault_ == kReplaces) TRY(inner_->remove(key));
    if (fault_ == kCutsTail && data.size() > 4096) data = data.first(data.size() - 1);
    PutOutcome outcome = TRY(inner_->put(key, data));
    return fault_ == kAlwaysCreated ? PutOutcome::kCreated : outcome;
  }
  Result<void> list(std::string_view prefix, std::string_view after,
                    const Visitor& visit) override {
    std::vector<ObjectInfo> infos;
    TRY(inner_->list(prefix, fault_ == kForgetsAfter ? "" : after, [&](const ObjectInfo& info) {
      infos.push_back(info);
      return fault_ != kNoLongLists || infos.size() < 1'000;
    }));
    if (fault_ == kUnordered) std::reverse(infos.begin(), infos.end());
    for (const ObjectInfo& info : infos) {
      if (!visit(info)) break;
    }
    return success();
  }
  Result<void> remove(const ObjectKey& key) override {
    return fault_ == kKeepsRemoved ? success() : inner_->remove(key);
  }

 private:
  const Fault fault_;
  std::unique_ptr<ObjectStore> inner_;
};

TEST(Conformance, NoticesEachBrokenPromise) {
  for (BadStore::Fault fault : {BadStore::kReplaces, BadStore::kAlwaysCreated, BadStore::kUnordered,
                                BadStore::kForgetsAfter, BadStore::kCutsTail,
                                BadStore::kKeepsRemoved, BadStore::kNoLongLists}) {
    BadStore store(fault);
    SeededRandom random(1);
    int failed = 0;
    for (const ConformanceOutcome& outcome :
         run_all_checks(store, random, {.large_bytes = 100'000})) {
      if (!outcome.result.ok()) ++failed;
    }
    EXPECT_GT(failed, 0) << "fault " << fault;
  }
}

TEST(FaultyStore, FailsBySeedAndTheRestIsTheInnerStore) {
  std::unique_ptr<ObjectStore> inner = make_memory_store();
  std::unique_ptr<ObjectStore> store = make_faulty_store(*inner, {.seed = 3, .percent = 40});
  int failed = 0;
  int lost_answers = 0;
  for (int i = 0; i < 200; ++i) {
    ObjectKey key("object-" + std::to_string(i));
    Result<PutOutcome> put = store->put(key, as_bytes("x"));
    bool there = inner->info(key).value().has_value();
    if (put.ok()) {
      EXPECT_TRUE(there);
      continue;
    }
    EXPECT_EQ(put.error().kind, ErrorKind::kTransient);
    ++failed;
    lost_answers += there ? 1 : 0;
  }
  EXPECT_GT(failed, 50);
  EXPECT_LT(failed, 110);
  EXPECT_GT(lost_answers, 10);
  EXPECT_LT(lost_answers, failed);
}

}  // namespace
}  // namespace walkback::store
