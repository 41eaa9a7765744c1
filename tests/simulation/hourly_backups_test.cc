// Hourly incremental backups without end: what they keep in packs, and what a restore reads, stay
// within the bounds of docs/design/space.md.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>

#include "backup/pack_uses.h"
#include "backup/reread_turns.h"
#include "base/sort_unique.h"
#include "pipeline/testing/copy_changes_fixture.h"

namespace walkback::backup {
namespace {

constexpr uint32_t kBlocks = 192;
constexpr uint32_t kFrameBlocks = 4;
constexpr uint32_t kPackBlocks = 12;
constexpr uint32_t kTurnBlocks = 8;
constexpr int kPeriodHours = 30 * 24;
// More than two periods; a year in `./dev soak space`.
const uint32_t kHours =
    std::getenv("WALKBACK_SPACE_DAYS")
        ? static_cast<uint32_t>(std::atoi(std::getenv("WALKBACK_SPACE_DAYS"))) * 24
        : 65 * 24;
// Of blocks, by all frames that a restore reads.
constexpr uint64_t kMostHeld = 4 * kBlocks + kFrameBlocks * kFrameBlocks;
const std::string kFile = "16384";

// One relation, of which only the last backup is kept.
class HourlyBackups : public pipeline::CopyChanges {
 protected:
  HourlyBackups() {
    options.frame_bytes = kFrameBlocks * pipeline::kPage;
    options.pack_bytes = kPackBlocks * pipeline::kPage;
    options.reread_blocks = kTurnBlocks;
    options.workers = 1;
    relation_ = pages(kBlocks);
    add_relation(kFile, relation_);
    written_ = back_up().value().bytes_stored;
    next_backup();
  }

  void back_up_hour(std::vector<uint32_t> changes) {
    sort_unique(changes);
    for (const uint32_t block : changes) change(relation_, block);
    const Timestamp parent_started = now_;
    now_ = now_ + std::chrono::hours(1);

    PackUses uses;
    uses.begin_with(packs_of_parent());
    const repo::PackIds thin = thin_packs(uses.packs(), false, options.pack_bytes);
    add_changed(kFile, relation_, {changes});
    pipeline::ParentCopy& parent = *listed.files.back().parent;
    parent.turns = RereadTurns::between(parent_started, now_, std::chrono::hours(kPeriodHours))
                       .of(catalog::Place::kDataDirectory, kFile, kBlocks / kTurnBlocks);
    parent.thin_packs = &thin;
    const pipeline::CopyInResult result = back_up().value();
    written_ += result.bytes_stored;
    ASSERT_THAT(copied.at(kFile).unexplained, testing::IsEmpty());
    look(copied.at(kFile).map);
    next_backup();
    remove_all_but_the_last();
  }

  void look(const repo::PageMap& map) {
    uint64_t held = 0;
    for (const repo::Frame& frame : map.frames) held += frame.content_bytes / pipeline::kPage;
    most_held_ = std::max(most_held_, held);
    most_frames_ = std::max(most_frames_, map.frames.size());
    most_runs_ = std::max(most_runs_, map.runs.size());
    repo::PackIds packs;
    for (const repo::Frame& frame : map.frames) packs.insert(frame.location.pack);
    most_packs_ = std::max(most_packs_, packs.size());
    packs_.merge(packs);
  }

  std::vector<catalog::ManifestPack> packs_of_parent() const {
    std::map<repo::PackId, uint64_t> live;
    for (const repo::Frame& frame : parents_.at(kFile).frames) {
      live[frame.location.pack] += frame.location.length;
    }
    std::vector<catalog::ManifestPack> packs;
    for (const auto& [id, bytes] : live) packs.push_back({id, false, bytes});
    return packs;
  }

  // What a prune leaves that keeps no other backup.
  void remove_all_but_the_last() {
    repo::PackIds needed;
    for (const repo::Frame& frame : parents_.at(kFile).frames) needed.insert(frame.location.pack);
    for (const repo::PackId& pack : packs_) {
      if (needed.contains(pack)) continue;
      ASSERT_TRUE(objects->remove({repo::pack_key("packs", pack)}).ok());
    }
    packs_ = std::move(needed);
  }

  void expect_bounds(uint64_t most_changes_in_period) {
    fmt::print(
        "  of {} blocks: frames hold {}; {} frames, {} runs, {} packs; written {:.0f} times\n",
        kBlocks, most_held_, most_frames_, most_runs_, most_packs_,
        static_cast<double>(written_) / static_cast<double>(relation_.size()));
    EXPECT_LE(most_held_, kMostHeld);
    EXPECT_LE(most_packs_, 2 * (kBlocks + most_changes_in_period) / kPackBlocks + kPeriodHours);
    copied[kFile].map = parents_.at(kFile);
    restore("/restored").value();
    expect_restored(kFile, relation_);
  }

  Bytes relation_;
  Timestamp now_{1'700'000'000'000'000};
  uint64_t written_ = 0;
  repo::PackIds packs_;  // in the store
  uint64_t most_held_ = 0;
  size_t most_frames_ = 0, most_runs_ = 0, most_packs_ = 0;
};

TEST_F(HourlyBackups, OfAFewChangesMostOfThemInTheSamePlaces) {
  for (uint32_t hour = 0; hour < kHours; ++hour) {
    std::vector<uint32_t> changes;
    for (int i = 0; i < 3; ++i) {
      const bool is_hot = random.below(10) != 0;
      changes.push_back(static_cast<uint32_t>(random.below(is_hot ? kBlocks / 10 : kBlocks)));
    }
    back_up_hour(std::move(changes));
  }
  expect_bounds(3 * kPeriodHours);
}

TEST_F(HourlyBackups, OfOneChangeEachElsewhere) {
  for (uint32_t hour = 0; hour < kHours; ++hour) back_up_hour({hour * 37 % kBlocks});
  expect_bounds(kPeriodHours);
}

TEST_F(HourlyBackups, OfNightsThatChangeATenthAndDaysThatChangeNothing) {
  for (uint32_t hour = 0; hour < kHours; ++hour) {
    std::vector<uint32_t> changes;
    for (uint32_t i = 0; hour % 24 == 3 && i < kBlocks / 10; ++i) {
      changes.push_back(static_cast<uint32_t>(random.below(kBlocks)));
    }
    back_up_hour(std::move(changes));
  }
  expect_bounds(kBlocks / 10 * kPeriodHours / 24);
}

TEST_F(HourlyBackups, ThatChangesNothingAfterAMonthOfSmallBackups) {
  for (uint32_t hour = 0; hour < kPeriodHours; ++hour) back_up_hour({hour * 37 % kBlocks});
  for (int hour = 0; hour < 2 * kPeriodHours; ++hour) back_up_hour({});
  EXPECT_LE(packs_.size(), size_t{2 * kBlocks / kPackBlocks + 8});
  expect_bounds(kPeriodHours);
}

}  // namespace
}  // namespace walkback::backup
