#include "retention/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/seeded_random.h"

namespace walkback::retention {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr uint32_t kSegment = 1 << 20;
constexpr int64_t kHour_us = 3600LL * 1'000'000;
constexpr int64_t kBase_us = 1'767'225'600LL * 1'000'000;  // 2026-01-01 00:00:00 UTC

Timestamp hour(int64_t h) { return {kBase_us + h * kHour_us}; }

// One segment of WAL an hour.
catalog::BackupSummary backup(int64_t h, uint32_t timeline = 1, uint64_t bad_pages = 0) {
  catalog::BackupSummary summary;
  summary.id = {"b" + std::to_string(timeline) + "-" + std::to_string(h)};
  summary.started_at = hour(h);
  summary.stopped_at = hour(h);
  summary.timeline = {timeline};
  summary.start_lsn = {static_cast<uint64_t>(h + 1) * kSegment + 100};
  summary.stop_lsn = {static_cast<uint64_t>(h + 1) * kSegment + 200};
  summary.bad_pages = bad_pages;
  return summary;
}

class Retention : public testing::Test {
 protected:
  Retention() {
    facts.segment_bytes = kSegment;
    facts.timelines.push_back({pg::TimelineHistory({1}), std::nullopt});
  }
  void backups(std::initializer_list<int64_t> hours) {
    for (int64_t h : hours) facts.backups.push_back(backup(h));
  }
  std::vector<std::string> kept(int64_t now) {
    std::vector<std::string> ids;
    for (const Decision& decision : plan(policy, facts, hour(now)).decisions) {
      if (decision.keep()) ids.push_back(decision.backup.id.text);
    }
    return ids;
  }
  bool needs(int64_t now, uint32_t timeline, int64_t h) {
    return plan(policy, facts, hour(now)).needs({{timeline}, static_cast<uint64_t>(h + 1)});
  }

  Policy policy;
  Facts facts;
};

TEST_F(Retention, WithoutARuleNothingGoes) {
  backups({0, 1000});
  EXPECT_THAT(kept(100'000), ElementsAre("b1-0", "b1-1000"));
  EXPECT_TRUE(needs(100'000, 1, 0));
}

TEST_F(Retention, AWindowKeepsTheBackupItsFirstMomentIsRecoveredFrom) {
  policy.window = std::chrono::hours(48);
  backups({0, 24, 48, 72, 96});
  EXPECT_THAT(kept(100), ElementsAre("b1-48", "b1-72", "b1-96"));
  EXPECT_FALSE(needs(100, 1, 47));
  EXPECT_TRUE(needs(100, 1, 48));
}

TEST_F(Retention, ABackupWithBadPagesBeginsNoWindow) {
  policy.window = std::chrono::hours(48);
  backups({0, 24, 72, 96});
  facts.backups.push_back(backup(48, 1, 3));
  EXPECT_THAT(kept(100), ElementsAre("b1-24", "b1-72", "b1-96"));
}

TEST_F(Retention, TheLastGoodBackupStaysHoweverOld) {
  policy.window = std::chrono::hours(1);
  backups({0, 5});
  facts.backups.push_back(backup(9, 1, 1));
  EXPECT_THAT(kept(10'000), ElementsAre("b1-5", "b1-9"));
  EXPECT_TRUE(needs(10'000, 1, 5));
}

TEST_F(Retention, CountKeepsSoManyAndTheirWal) {
  policy.count = 2;
  backups({0, 24, 48});
  EXPECT_THAT(kept(100), ElementsAre("b1-24", "b1-48"));
  EXPECT_FALSE(needs(100, 1, 23));
  EXPECT_TRUE(needs(100, 1, 30));
}

TEST_F(Retention, TiersKeepTheNewestOfEachAndOnlyTheWalThatMakesItConsistent) {
  policy.daily = 3;
  backups({1, 10, 25, 30, 50, 60});
  EXPECT_THAT(kept(61), ElementsAre("b1-10", "b1-30", "b1-60"));
  EXPECT_TRUE(needs(61, 1, 30));
  EXPECT_FALSE(needs(61, 1, 31));
  EXPECT_TRUE(needs(61, 1, 60));
  EXPECT_TRUE(needs(61, 1, 61));
  EXPECT_THAT(plan(policy, facts, hour(61)).decisions[1].reasons, ElementsAre("daily: 2026-01-01"));
}

// A backup whose host's clock was ahead: its date says nothing of when it was.
catalog::BackupSummary dated(int64_t h, int64_t date) {
  catalog::BackupSummary summary = backup(h);
  summary.started_at = summary.stopped_at = hour(date);
  return summary;
}

TEST_F(Retention, ADateYetToComeTakesNoPlaceOfTheNewest) {
  policy.count = 2;
  backups({0, 48, 72});
  facts.backups.push_back(dated(24, 5000));
  // It is older than what follows it in the log.
  EXPECT_THAT(kept(100), ElementsAre("b1-48", "b1-72"));
  facts.backups.push_back(dated(96, 5000));
  // Nothing follows this one: it may be the newest, and takes nobody's place.
  EXPECT_THAT(kept(100), ElementsAre("b1-48", "b1-72", "b1-96"));
  EXPECT_THAT(plan(policy, facts, hour(100)).decisions[1].remarks,
              ElementsAre(HasSubstr("the next backup says that it ended by")));
}

TEST_F(Retention, ADateYetToComeTakesNoPlaceInATier) {
  policy.daily = 2;
  backups({10, 30, 60});
  facts.backups.push_back(dated(20, 5000));
  facts.backups.push_back(dated(70, 5001));
  facts.backups.push_back(dated(71, 5002));
  EXPECT_THAT(kept(100), ElementsAre("b1-30", "b1-60", "b1-71"));
}

TEST_F(Retention, ADateYetToComeLeavesTheWindowWithTheBackupAfterIt) {
  policy.window = std::chrono::hours(48);
  facts.backups.push_back(dated(0, 5000));
  backups({24, 48, 72});
  EXPECT_THAT(kept(90), ElementsAre("b1-24", "b1-48", "b1-72"));
  facts.backups.back() = dated(72, 5000);
  EXPECT_THAT(kept(90), ElementsAre("b1-24", "b1-48", "b1-72"));
}

// The clock of who prunes stands a day behind.
TEST_F(Retention, AClockThatIsBehindRemovesNothingThatARightOneKeeps) {
  policy.hourly = 3;
  policy.count = 2;
  policy.daily = 2;
  backups({0, 10, 20, 30, 40, 45, 46, 47, 48});
  const std::vector<std::string> right = kept(49);
  const std::vector<std::string> behind = kept(25);
  for (const std::string& id : right) EXPECT_THAT(behind, testing::Contains(id));
}

TEST_F(Retention, WhatIsNotSoundTakesNoOthersPlaceAndStaysToBeMended) {
  policy.count = 2;
  policy.daily = 2;
  backups({0, 24, 48, 72, 96});
  facts.unsound[{"b1-72"}] = "verify found its pack damaged";
  EXPECT_THAT(kept(100), ElementsAre("b1-48", "b1-72", "b1-96"));
  const Plan decided = plan(policy, facts, hour(100));
  EXPECT_THAT(decided.decisions[3].remarks,
              ElementsAre("does not count: verify found its pack damaged"));
  EXPECT_THAT(decided.decisions[3].reasons, ElementsAre("among the newest 2, once it is mended",
                                                        "daily: 2026-01-04, once it is mended"));
  EXPECT_FALSE(decided.decisions[3].relied_on);
  policy.daily = 0;
  backups({120});
  EXPECT_THAT(kept(124), ElementsAre("b1-96", "b1-120")) << "no rule would keep it, were it whole";
}

// Between it and the one before an earlier prune has removed WAL: mended, it is all there is.
TEST_F(Retention, TheOneThatAWindowBeginsWithStaysToBeMended) {
  policy.window = std::chrono::hours(20);
  backups({0, 24, 48, 72, 96});
  facts.unsound[{"b1-72"}] = "verify found its pack damaged";
  EXPECT_THAT(kept(93), ElementsAre("b1-48", "b1-72", "b1-96"));
  EXPECT_TRUE(needs(93, 1, 80));
  EXPECT_THAT(kept(117), ElementsAre("b1-96"));
}

TEST_F(Retention, APinKeepsUntilItsTimeAndNoLonger) {
  policy.window = std::chrono::hours(10);
  backups({0, 50, 100});
  facts.pins[{"b1-0"}] = {hour(200)};
  EXPECT_THAT(kept(150), ElementsAre("b1-0", "b1-100"));
  EXPECT_TRUE(needs(150, 1, 0));
  EXPECT_FALSE(needs(150, 1, 1));
  EXPECT_THAT(kept(201), ElementsAre("b1-100"));
}

TEST_F(Retention, WhatIsInUseStaysWithAllItsWal) {
  policy.window = std::chrono::hours(10);
  backups({0, 50, 100});
  facts.leased[{"b1-0"}] = "recover on db2";
  EXPECT_THAT(kept(150), ElementsAre("b1-0", "b1-100"));
  EXPECT_TRUE(needs(150, 1, 20));
}

TEST_F(Retention, AParentsWalStaysUpToTheForkAndTheBranchLeftBehindWhileTheWindowIncludesIt) {
  policy.window = std::chrono::hours(48);
  backups({0, 24});
  const auto history =
      pg::TimelineHistory::parse({2}, "1\t" + pg::Lsn{31ULL * kSegment + 50}.text() + "\ttest\n");
  ASSERT_TRUE(history.ok());
  facts.timelines.push_back({*history, std::nullopt});
  facts.timelines[0].last_known = hour(40);
  // At hour 60 the window reaches back to 12: the branch is in it.
  EXPECT_TRUE(needs(60, 1, 38));
  // At hour 100 no more; what leads to timeline 2 stays.
  EXPECT_TRUE(needs(100, 1, 30));
  EXPECT_FALSE(needs(100, 1, 31));
  EXPECT_TRUE(needs(100, 2, 30));
  EXPECT_TRUE(needs(100, 2, 90));
  EXPECT_THAT(kept(100), ElementsAre("b1-24"));
}

TEST_F(Retention, ALineageLeftBehindGoesWhenTheWindowHasPassedIt) {
  policy.window = std::chrono::hours(48);
  backups({0, 24});
  facts.is_current = false;
  facts.timelines[0].last_known = hour(30);
  EXPECT_THAT(kept(70), ElementsAre("b1-0", "b1-24"));
  EXPECT_THAT(kept(79), ElementsAre());
  policy.window.reset();
  policy.daily = 1;
  EXPECT_THAT(kept(1000), ElementsAre("b1-24"));
}

TEST_F(Retention, WhereAHistoryIsMissingNoWalGoes) {
  policy.window = std::chrono::hours(1);
  backups({0, 50});
  facts.history_missing = true;
  EXPECT_TRUE(needs(100, 1, 0));
}

// Whatever the past was: from each moment of the window, by hour, there is a good backup before it
// that was not removed, and all WAL from it on, on the timeline of that moment.
TEST(RetentionProperty, EveryMomentOfTheWindowStaysRecoverable) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    const int64_t now = 20 + static_cast<int64_t>(random.below(200));
    const int64_t window = 1 + static_cast<int64_t>(random.below(150));
    const int64_t fork =
        random.percent(50) ? 5 + static_cast<int64_t>(random.below(static_cast<uint64_t>(now - 10)))
                           : now;
    // Timeline 1 goes on beside timeline 2 for a while.
    const int64_t first_end = std::min(now, fork + static_cast<int64_t>(random.below(30)));
    Facts facts;
    facts.segment_bytes = kSegment;
    facts.timelines.push_back({pg::TimelineHistory({1}), std::nullopt});
    if (fork < now) {
      facts.timelines[0].last_known = hour(first_end);
      const pg::Lsn at{static_cast<uint64_t>(fork + 1) * kSegment};
      facts.timelines.push_back(
          {pg::TimelineHistory::parse({2}, "1\t" + at.text() + "\ttest\n").value(), std::nullopt});
    }
    for (int64_t h = 0; h < now; ++h) {
      if (!random.percent(15)) continue;
      const uint64_t bad = random.percent(15) ? 1 : 0;
      if (h < first_end) facts.backups.push_back(backup(h, 1, bad));
      if (h > fork && random.percent(70)) facts.backups.push_back(backup(h, 2, bad));
    }
    Policy policy;
    policy.window = std::chrono::hours(window);
    if (random.percent(30)) policy.count = static_cast<int>(random.below(5));
    if (random.percent(30)) policy.daily = static_cast<int>(random.below(5));
    const Plan decided = plan(policy, facts, hour(now));

    const auto recoverable = [&](uint32_t timeline, int64_t h, bool after) {
      for (const catalog::BackupSummary& from : facts.backups) {
        const int64_t at = (from.stopped_at.unix_us - kBase_us) / kHour_us;
        const bool leads = from.timeline.value == timeline || (timeline == 2 && at < fork);
        if (from.bad_pages != 0 || at > h || !leads) continue;
        if (!after) return true;
        const auto decision = std::ranges::find(decided.decisions, from.id,
                                                [](const Decision& d) { return d.backup.id; });
        bool whole = decision->keep();
        for (int64_t segment = at; segment <= h; ++segment) {
          const uint32_t on = timeline == 2 && segment >= fork ? 2 : 1;
          whole = whole && decided.needs({{on}, static_cast<uint64_t>(segment + 1)});
        }
        if (whole) return true;
      }
      return false;
    };
    for (int64_t h = std::max<int64_t>(0, now - window); h < now; ++h) {
      for (const uint32_t timeline : {1u, 2u}) {
        if (timeline == 1 ? h > first_end : h < fork || fork == now) continue;
        if (!recoverable(timeline, h, false)) continue;
        EXPECT_TRUE(recoverable(timeline, h, true))
            << "seed " << seed << ": hour " << h << " of " << now << " on timeline " << timeline;
      }
    }
  }
}

// The oldest of seven days begins at most seven days ago.
TEST(Tiers, OneThatLiesWithinTheWindowKeepsNothingMore) {
  const Policy policy{.window = std::chrono::hours(14 * 24),
                      .hourly = 14 * 24,
                      .daily = 15,
                      .weekly = 2,
                      .monthly = 1};
  EXPECT_THAT(tiers_within_window(policy), testing::ElementsAre("hourly = 336", "weekly = 2"));
  EXPECT_THAT(tiers_within_window({.daily = 7}), testing::IsEmpty());
}

}  // namespace
}  // namespace walkback::retention
