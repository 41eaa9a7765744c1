// A file store on a disk that forgets: the power goes off at every single operation of a story, and
// what was acknowledged before must be whole afterwards.
//
// The same stories are told on files whose syncs are lies, one kind of sync at a time: a test that
// does not notice that would prove nothing.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "base/testing/lying_files.h"
#include "base/testing/seeded_random.h"
#include "base/testing/seeds.h"
#include "base/testing/simulated_files.h"
#include "store/file_store.h"

namespace walkback::store {
namespace {

const std::string kRoot = "/srv/backup";
constexpr uint64_t kDefaultSeeds = 4;
// Enough for any lie to be found out; the search ends when it is.
constexpr Seeds kSeedsAgainstLies{1, 50};

using Contents = std::map<std::string, Bytes>;
using Acknowledged = std::set<std::string>;
// What the store under test believes it stands on.
using Ground = std::function<std::unique_ptr<FileSystem>(FileSystem&)>;

std::unique_ptr<FileSystem> honest(FileSystem& files) {
  return make_lying_files(files, [](SyncKind, const std::string&) { return false; });
}

// Sizes around page boundaries, folders new and shared.
Contents some_objects() {
  SeededRandom random(99);
  return {{"walkback.json", random.bytes(200)},
          {"clusters/main/wal/1/0/A.zst", random.bytes(9'000)},
          {"clusters/main/wal/1/0/B.zst", random.bytes(4'096)},
          {"clusters/main/packs/x", random.bytes(30'000)},
          {"clusters/main/empty", {}}};
}

std::unique_ptr<SimulatedFiles> fresh_disk(uint64_t seed) {
  auto files = std::make_unique<SimulatedFiles>(seed);
  CHECK(files->make_directory("/srv", 0755).ok());
  CHECK(files->sync_file_system("/").ok());
  return files;
}

std::unique_ptr<ObjectStore> open(FileSystem& files) {
  return open_file_store(files, system_random(), kRoot).value();
}

// Puts them one after another, in pieces, until one fails.
Acknowledged put_in_turn(ObjectStore& store, const Contents& objects) {
  Acknowledged acknowledged;
  for (const auto& [name, data] : objects) {
    Result<std::unique_ptr<ObjectWriter>> writer = store.create(ObjectKey(name));
    if (!writer.ok()) break;
    size_t half = data.size() / 2;
    if (!(*writer)->append(ByteView(data).first(half)).ok()) break;
    if (!(*writer)->append(ByteView(data).subspan(half)).ok()) break;
    if (!(*writer)->finish().ok()) break;
    acknowledged.insert(name);
  }
  return acknowledged;
}

// Every thread puts every object, each in an order of its own, as whole objects.
Acknowledged put_at_once(ObjectStore& store, const Contents& objects, uint64_t seed) {
  constexpr int kThreads = 3;
  std::mutex mutex;
  Acknowledged acknowledged;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      SeededRandom random(seed * kThreads + static_cast<uint64_t>(i));
      std::vector<std::string> names;
      for (const auto& [name, data] : objects) names.push_back(name);
      for (size_t left = names.size(); left > 0; --left) {
        std::swap(names[random.below(left)], names[left - 1]);
        const std::string& name = names[left - 1];
        if (!store.put(ObjectKey(name), objects.at(name)).ok()) return;
        std::lock_guard lock(mutex);
        acknowledged.insert(name);
      }
    });
  }
  threads.clear();
  return acknowledged;
}

// What is wrong with what is left, or nothing.
std::string look(SimulatedFiles& files, const Contents& objects, const Acknowledged& acknowledged) {
  std::string wrong;
  auto store = open(files);
  for (const std::string& name : acknowledged) {
    if (!store->get(ObjectKey(name)).value()) wrong += name + " was acknowledged and is gone\n";
  }
  CHECK(store
            ->list("", "",
                   [&](const ObjectInfo& info) {
                     std::optional<Bytes> bytes = store->get(info.key).value();
                     auto expected = objects.find(info.key.text());
                     if (expected == objects.end()) {
                       wrong += info.key.text() + " was never put\n";
                     } else if (!bytes || *bytes != expected->second) {
                       wrong += info.key.text() + " can be seen and is torn\n";
                     }
                     return true;
                   })
            .ok());
  return wrong;
}

struct Tally {
  uint64_t moments = 0;
  uint64_t broken = 0;
  std::string first;
};

void note(Tally& tally, const std::string& wrong, uint64_t seed, uint64_t moment) {
  ++tally.moments;
  if (wrong.empty()) return;
  ++tally.broken;
  if (tally.first.empty()) {
    tally.first =
        "seed " + std::to_string(seed) + " moment " + std::to_string(moment) + ": " + wrong;
  }
}

// A story with all that may go wrong around it.
struct Trial {
  SimulatedFiles::Failure failure = SimulatedFiles::Failure::kPowerCut;
  Ground first_ground = honest;
  Ground second_ground = honest;
  Seeds seeds = test_seeds(kDefaultSeeds);
  bool until_broken = false;
};

using Story = std::function<Acknowledged(ObjectStore& store, uint64_t seed)>;

// Tells the story with the failure at each of its operations, then once more to its end, cutting
// the power there too. After each, what is left must be right; then everything is put again,
// acknowledged, and must survive another power cut.
Tally tell(const Story& story, const Trial& trial) {
  const Contents objects = some_objects();
  Tally tally;
  for (uint64_t seed = trial.seeds.first; seed < trial.seeds.end(); ++seed) {
    bool ended = false;
    for (uint64_t moment = 1; !ended; ++moment) {
      auto disk = fresh_disk(seed * 100'003 + moment);
      disk->fail_at_operation(moment, trial.failure);
      auto first = trial.first_ground(*disk);
      Acknowledged acknowledged = story(*open(*first), seed);
      ended = !disk->failed();
      if (ended && trial.failure == SimulatedFiles::Failure::kPowerCut) disk->power_cut(seed);
      disk->fail_at_operation(0);
      disk->reboot();
      std::string wrong = look(*disk, objects, acknowledged);

      auto second = trial.second_ground(*disk);
      Acknowledged again = put_in_turn(*open(*second), objects);
      if (again.size() != objects.size()) wrong += "a put was not taken again after the failure\n";
      disk->power_cut(seed + moment);
      disk->reboot();
      note(tally, wrong + look(*disk, objects, again), seed, moment);
      if (trial.until_broken && tally.broken > 0) return tally;
    }
  }
  return tally;
}

Acknowledged in_turn(ObjectStore& store, uint64_t) { return put_in_turn(store, some_objects()); }
Acknowledged at_once(ObjectStore& store, uint64_t seed) {
  return put_at_once(store, some_objects(), seed);
}

constexpr auto kPowerCut = SimulatedFiles::Failure::kPowerCut;
constexpr auto kKilled = SimulatedFiles::Failure::kKilled;

TEST(Durability, APowerCutAtAnyMomentTakesNothingThatWasAcknowledged) {
  Tally tally = tell(in_turn, {.failure = kPowerCut});
  EXPECT_EQ(tally.broken, 0u) << tally.first;
  EXPECT_GT(tally.moments, 30u);
}

TEST(Durability, APowerCutWhileSeveralWriteTheSameObjectsTakesNothingEither) {
  Tally tally = tell(at_once, {.failure = kPowerCut});
  EXPECT_EQ(tally.broken, 0u) << tally.first;
  EXPECT_GT(tally.moments, 30u);
}

// kill -9 between rename and sync leaves a name that is not durable; whoever is told that the
// object exists already must be able to rely on it.
TEST(Durability, WhatAKilledWriterLeftIsDurableOnceItIsAcknowledged) {
  Tally tally = tell(in_turn, {.failure = kKilled});
  EXPECT_EQ(tally.broken, 0u) << tally.first;
  EXPECT_GT(tally.moments, 30u);
}

// --- the tests above, on files that lie ---

Ground lying(Lie lie) {
  return [lie](FileSystem& files) { return make_lying_files(files, lie); };
}

bool is_file_sync(SyncKind kind, const std::string&) { return kind == SyncKind::kFile; }
bool is_directory_sync(SyncKind kind, const std::string&) { return kind == SyncKind::kDirectory; }
bool is_leaf_sync(SyncKind kind, const std::string& path) {
  return kind == SyncKind::kDirectory && path == kRoot + "/clusters/main/wal/1/0";
}
bool is_parent_sync(SyncKind kind, const std::string& path) {
  return kind == SyncKind::kDirectory && path == kRoot + "/clusters/main/wal";
}
bool is_sync_of_the_roots_parent(SyncKind kind, const std::string& path) {
  return kind == SyncKind::kDirectory && path == "/srv";
}

bool notices(const Story& story, Trial trial) {
  trial.seeds = kSeedsAgainstLies;
  trial.until_broken = true;
  return tell(story, trial).broken > 0;
}

TEST(DurabilityTestItself, NoticesEachSyncThatIsLeftOut) {
  const std::pair<const char*, Lie> lies[] = {{"file", is_file_sync},
                                              {"every directory", is_directory_sync},
                                              {"the object's directory", is_leaf_sync},
                                              {"a directory above", is_parent_sync},
                                              {"the root's parent", is_sync_of_the_roots_parent}};
  for (const auto& [name, lie] : lies) {
    EXPECT_TRUE(notices(in_turn, {.failure = kPowerCut, .first_ground = lying(lie)})) << name;
    EXPECT_TRUE(notices(at_once, {.failure = kPowerCut, .first_ground = lying(lie)})) << name;
  }
}

TEST(DurabilityTestItself, NoticesThatWhatAnotherWriterLeftIsNotSynced) {
  for (const Lie& lie : {Lie(is_directory_sync), Lie(is_leaf_sync), Lie(is_parent_sync)}) {
    EXPECT_TRUE(notices(in_turn, {.failure = kKilled, .second_ground = lying(lie)}));
  }
}

}  // namespace
}  // namespace walkback::store
