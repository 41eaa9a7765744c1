// A recovery, a backup and other prunes, stepped between any two calls that a prune makes on the
// repository. docs/design/retention.md names the steps.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "catalog/backups.h"
#include "catalog/leases.h"
#include "catalog/lineage.h"
#include "catalog/manifest.h"
#include "catalog/wal_archive.h"
#include "retention/prune.h"
#include "store/memory_store.h"
#include "store/testing/forwarding_store.h"

namespace walkback::retention {
namespace {

using catalog::BackupId;

constexpr uint32_t kSegment = 1 << 20;
constexpr uint64_t kSegments = 6;
constexpr int64_t kSecond_us = 1'000'000;

// Steps others before each call.
class SteppedStore final : public store::ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  std::function<void(int)> before_call;  // which one
  int calls() const { return calls_; }

 private:
  Result<void> before(std::string_view) override {
    if (before_call) before_call(calls_);
    ++calls_;
    return success();
  }
  int calls_ = 0;
};

// Time that a prune waits passes for all: whoever lives renews.
class LivelyClock final : public Clock {
 public:
  explicit LivelyClock(store::ObjectStore& objects) : objects_(objects) {}
  Timestamp now() override { return {1000 * kSecond_us}; }
  std::chrono::nanoseconds monotonic() override { return passed_; }
  void sleep(std::chrono::nanoseconds duration) override {
    passed_ += duration;
    std::vector<std::string> names;
    EXPECT_TRUE(objects_
                    .list("clusters/main/leases/", "",
                          [&](const store::ObjectInfo& info) {
                            names.push_back(info.key.text());
                            return true;
                          })
                    .ok());
    for (const std::string& name : names) {
      const size_t dot = name.find('.');
      const uint64_t counter = std::strtoull(name.c_str() + dot + 1, nullptr, 10);
      if (counter == 0) continue;  // a mark
      const auto bytes = objects_.get(store::ObjectKey(name)).value();
      const std::string next = name.substr(0, dot) + "." + std::to_string(counter + 1) + ".json";
      EXPECT_TRUE(objects_.put(store::ObjectKey(next), *bytes).ok());
    }
  }

 private:
  store::ObjectStore& objects_;
  std::chrono::nanoseconds passed_{};
};

// Three backups; of the first two nothing is kept by a rule.
class World {
 public:
  World() {
    EXPECT_TRUE(catalog::register_lineage(*objects, "main", {{7}, 15, kSegment, {}}).ok());
    for (uint64_t number = 1; number <= kSegments; ++number) put(segment(number));
    for (int i = 1; i <= 3; ++i) commit(i, {pack(i), pack(i + 1)});
  }

  void put(const store::ObjectKey& key) { EXPECT_TRUE(objects->put(key, as_bytes("x")).ok()); }
  bool there(const store::ObjectKey& key) const { return objects->info(key).value().has_value(); }
  store::ObjectKey segment(uint64_t number) const {
    return layout.wal_file(pg::SegmentName{{1}, number}.text(kSegment));
  }
  std::string pack(int i) const { return "packs/" + std::string(31, 'a') + std::to_string(i); }
  store::ObjectKey pack_key(const std::string& name) const {
    const std::string id = name.substr(6);
    return store::ObjectKey(layout.pack_prefix() + "/" + id.substr(0, 2) + "/" + id + ".zst");
  }
  static BackupId id(int i) { return {"b" + std::to_string(i)}; }
  void commit(int i, const std::vector<std::string>& packs) {
    catalog::BackupSummary summary;
    summary.id = id(i);
    summary.system_identifier = {7};
    summary.wal_segment_bytes = kSegment;
    summary.started_at = summary.stopped_at = {i * 100 * kSecond_us};
    summary.timeline = {1};
    summary.start_lsn = {static_cast<uint64_t>(i) * kSegment + 100};
    summary.stop_lsn = {static_cast<uint64_t>(i) * kSegment + 200};
    summary.packs = packs;
    for (const std::string& name : packs) put(pack_key(name));
    const auto object = catalog::make_summary_object(summary);
    EXPECT_TRUE(objects->put(layout.summary(summary.id), as_bytes(object.text)).ok());
    const auto manifest = catalog::create_manifest(*objects, random, layout, summary.id, 1).value();
    EXPECT_TRUE(manifest->finish_maps().ok());
    catalog::ManifestConclusion conclusion;
    conclusion.summary_sha256 = object.sha256;
    EXPECT_TRUE(manifest->commit(conclusion).ok());
  }

  std::unique_ptr<catalog::HeldLease> lease(catalog::LeaseKind kind, std::optional<BackupId> on) {
    catalog::LeaseClaim claim;
    claim.kind = kind;
    claim.system_identifier = {7};
    claim.backup = std::move(on);
    return catalog::HeldLease::take(*objects, "main", claim, clock, random).value();
  }
  bool may_use(const BackupId& backup) {
    return catalog::check_not_condemned(*objects, "main", layout, backup, clock, {}).ok();
  }
  void prune(store::ObjectStore& through, const Policy& policy) {
    const auto report =
        run_prune({"main", policy, false}, through, clock, random, silent_progress(), {});
    EXPECT_TRUE(report.ok()) << report.error().message;
  }

  std::unique_ptr<store::ObjectStore> objects = store::make_memory_store();
  catalog::LineageLayout layout{"main", {7}};
  LivelyClock clock{*objects};
  SeededRandom random{3};
};

Policy newest_alone() {
  Policy policy;
  policy.count = 1;
  return policy;
}

// A recovery from backup 1 to the end of the WAL.
class Reader {
 public:
  explicit Reader(World& world) : world_(world) {}
  void take() { lease_ = world_.lease(catalog::LeaseKind::kRead, World::id(1)); }
  void look() {
    uses_ = world_.may_use(World::id(1));
    for (uint64_t number = 1; number <= kSegments; ++number) {
      uses_ = uses_ && world_.there(world_.segment(number));
    }
    if (!uses_) lease_.reset();
  }
  bool uses() const { return uses_; }
  void expect_unharmed(const std::string& when) const {
    if (!uses_) return;
    EXPECT_TRUE(world_.there(world_.layout.manifest(World::id(1)))) << when;
    EXPECT_TRUE(world_.there(world_.pack_key(world_.pack(1)))) << when;
    for (uint64_t number = 1; number <= kSegments; ++number) {
      EXPECT_TRUE(world_.there(world_.segment(number))) << when << ", segment " << number;
    }
  }

 private:
  World& world_;
  std::unique_ptr<catalog::HeldLease> lease_;
  bool uses_ = false;
};

// A backup that builds on backup 2, as run_backup() does.
class Writer {
 public:
  explicit Writer(World& world) : world_(world) {}
  void step(int which) {
    switch (which) {
      case 0:
        lease_ = world_.lease(catalog::LeaseKind::kWrite, std::nullopt);
        return;
      case 1:
        if (!world_.there(world_.layout.manifest(World::id(2)))) return;
        EXPECT_TRUE(lease_->claim_backup(World::id(2)).ok());
        builds_on_ = world_.may_use(World::id(2));
        return;
      case 2:
        world_.put(world_.pack_key(world_.pack(9)));
        return;
      case 3:
        if (builds_on_ && !world_.there(world_.layout.manifest(World::id(2)))) {
          ADD_FAILURE() << "the parent went from under the backup";
        }
        packs_ = {world_.pack(9)};
        if (builds_on_) packs_.push_back(world_.pack(2));
        for (const std::string& name : packs_) {
          EXPECT_TRUE(world_.there(world_.pack_key(name))) << name;
        }
        world_.commit(5, packs_);
        return;
      default:
        lease_.reset();
    }
  }
  static constexpr int kSteps = 5;
  bool builds_on() const { return builds_on_; }
  void expect_whole(const std::string& when) const {
    EXPECT_TRUE(world_.there(world_.layout.manifest(World::id(5)))) << when;
    for (const std::string& name : packs_) {
      EXPECT_TRUE(world_.there(world_.pack_key(name))) << when << ": " << name;
    }
  }

 private:
  World& world_;
  std::unique_ptr<catalog::HeldLease> lease_;
  bool builds_on_ = false;
  std::vector<std::string> packs_;
};

int calls_of_a_prune() {
  World world;
  SteppedStore stepped(*world.objects);
  world.prune(stepped, newest_alone());
  EXPECT_FALSE(world.there(world.layout.manifest(World::id(1))));
  EXPECT_FALSE(world.there(world.segment(2)));
  EXPECT_TRUE(world.there(world.segment(3)));
  EXPECT_FALSE(world.there(world.pack_key(world.pack(2))));
  EXPECT_TRUE(world.there(world.pack_key(world.pack(3))));
  return stepped.calls();
}

TEST(Interleaving, ARecoveryAndAPruneInEveryOrder) {
  const int calls = calls_of_a_prune();
  int used = 0, gave_up = 0;
  for (int taken = 0; taken <= calls; ++taken) {
    for (int looked = taken; looked <= calls; ++looked) {
      World world;
      Reader reader(world);
      SteppedStore stepped(*world.objects);
      const std::string when = "lease at " + std::to_string(taken) + ", look at " +
                               std::to_string(looked) + " of " + std::to_string(calls);
      stepped.before_call = [&](int call) {
        if (call == taken) reader.take();
        if (call == looked) reader.look();
      };
      world.prune(stepped, newest_alone());
      ++(reader.uses() ? used : gave_up);
      reader.expect_unharmed(when);
      if (testing::Test::HasFailure()) return;
    }
  }
  EXPECT_GT(used, 0);
  EXPECT_GT(gave_up, 0);
}

TEST(Interleaving, ABackupAndAPrune) {
  const int calls = calls_of_a_prune();
  int built_on = 0;
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    SeededRandom random(seed);
    std::array<int, Writer::kSteps> steps{};
    for (int& step : steps) step = static_cast<int>(random.below(static_cast<uint64_t>(calls)));
    std::ranges::sort(steps);
    World world;
    Writer writer(world);
    SteppedStore stepped(*world.objects);
    stepped.before_call = [&](int call) {
      for (int step = 0; step < Writer::kSteps; ++step) {
        if (steps[static_cast<size_t>(step)] == call) writer.step(step);
      }
    };
    world.prune(stepped, newest_alone());
    const std::string when = "seed " + std::to_string(seed);
    writer.expect_whole(when);
    built_on += writer.builds_on() ? 1 : 0;
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << when;
      return;
    }
  }
  EXPECT_GT(built_on, 0);
}

TEST(Interleaving, ARecoveryABackupAndTwoPrunes) {
  const int calls = calls_of_a_prune();
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    SeededRandom random(seed);
    const auto some = [&] { return static_cast<int>(random.below(static_cast<uint64_t>(calls))); };
    const int other_prune = some(), a = some(), b = some();
    std::array<int, Writer::kSteps> steps{};
    for (int& step : steps) step = some();
    std::ranges::sort(steps);
    World world;
    Writer writer(world);
    Reader reader(world);
    int at = 0;  // which call of either prune
    const auto step_others = [&](int) {
      const int call = at++;
      if (call == std::min(a, b)) reader.take();
      if (call == std::max(a, b)) reader.look();
      for (int step = 0; step < Writer::kSteps; ++step) {
        if (steps[static_cast<size_t>(step)] == call) writer.step(step);
      }
    };
    SteppedStore one(*world.objects), other(*world.objects);
    other.before_call = step_others;
    one.before_call = [&](int call) {
      // On another host, with another rule.
      Policy policy;
      policy.window = std::chrono::seconds(750);
      if (call == other_prune) world.prune(other, random.percent(50) ? policy : newest_alone());
      step_others(call);
    };
    world.prune(one, newest_alone());
    const std::string when = "seed " + std::to_string(seed);
    reader.expect_unharmed(when);
    writer.expect_whole(when);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << when;
      return;
    }
  }
}

}  // namespace
}  // namespace walkback::retention
