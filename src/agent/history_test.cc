#include "agent/history.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace walkback::agent {
namespace {

using schedule::Job;
using schedule::Outcome;
using std::chrono::hours;
using std::chrono::minutes;

Timestamp at(std::string_view text) { return parse_iso_utc(text).value(); }

const Timestamp kSince = at("2026-11-01T00:00:00Z");
const Timestamp kNow = at("2026-11-26T12:00:00Z");

catalog::Event event(std::string kind, Timestamp started, bool succeeded = true) {
  catalog::Event event;
  event.kind = std::move(kind);
  event.started_at = started;
  event.ended_at = started + minutes(5);
  event.succeeded = succeeded;
  return event;
}

catalog::Event drill(Timestamp started, uint64_t wal_bytes, double replay_s, double restore_s) {
  catalog::Event drilled = event("drill", started);
  drilled.drill.emplace();
  drilled.drill->wal_bytes = wal_bytes;
  drilled.drill->replay_s = replay_s;
  drilled.drill->restore_s = restore_s;
  return drilled;
}

Outcome outcome(const catalog::Event& event) {
  return history_of({event}, kSince, kNow).attempts.at(0).outcome;
}

TEST(History, JobsOfTheScheduleCountAndNothingElse) {
  const schedule::History history =
      history_of({event("init", kSince), event("backup", kSince + hours(1)),
                  event("recover", kSince + hours(2)), event("prune", kSince + hours(3))},
                 kSince, kNow);
  ASSERT_EQ(history.attempts.size(), 2u);
  EXPECT_EQ(history.attempts[0].job, Job::kBackup);
  EXPECT_EQ(history.attempts[0].ended_at, kSince + hours(1) + minutes(5));
  EXPECT_EQ(history.attempts[1].job, Job::kPrune);
  EXPECT_EQ(history.since, kSince);
}

TEST(History, AnotherLineagesBackupsAreNoBackupsOfThisOne) {
  EXPECT_TRUE(history_of({event("backup", kSince + -hours(1))}, kSince, kNow).attempts.empty());
}

TEST(History, AnAttemptIsDoneFailedKilledOrRunning) {
  EXPECT_EQ(outcome(event("backup", kNow)), Outcome::kDone);
  EXPECT_EQ(outcome(event("backup", kNow, false)), Outcome::kFailed);
  catalog::Event open = event("backup", kNow + -hours(3));
  open.ended_at.reset();
  EXPECT_EQ(outcome(open), Outcome::kRunning);
  open.killed = true;
  EXPECT_EQ(outcome(open), Outcome::kKilled);
}

TEST(History, WhatNobodyHeardOfForDaysRunsNoMore) {
  catalog::Event open = event("prune", kNow + -kLongestUnseen);
  open.ended_at.reset();
  EXPECT_EQ(outcome(open), Outcome::kRunning);
  open.started_at = open.started_at + -minutes(1);
  EXPECT_EQ(outcome(open), Outcome::kKilled);
}

// Again it would find the same.
TEST(History, ARunThatFoundTroubleDidItsWork) {
  catalog::Event verify = event("verify", kNow, false);
  EXPECT_EQ(outcome(verify), Outcome::kFailed);
  verify.verify = {.in_trouble = 1};
  EXPECT_EQ(outcome(verify), Outcome::kDone);
  catalog::Event proved = drill(kNow, 1, 1, 1);
  proved.succeeded = false;
  EXPECT_EQ(outcome(proved), Outcome::kDone);
  proved.drill.reset();
  EXPECT_EQ(outcome(proved), Outcome::kFailed);
}

TEST(History, TheSpeedIsTheHighestOfTheLastDrillsAndTheRestoreTheNewest) {
  std::vector<catalog::Event> events{drill(kSince, 90'000, 1, 7)};
  for (int i = 1; i <= 5; ++i) {
    events.push_back(drill(kSince + hours(i), static_cast<uint64_t>(1000 * (6 - i)), 1, i));
  }
  const auto speed = history_of(events, kSince, kNow).speed;
  ASSERT_TRUE(speed);
  EXPECT_EQ(speed->wal_bytes_per_s, 5000);
  EXPECT_EQ(speed->restore_s, 5);
}

TEST(History, ADrillThatReplayedNothingMeasuredNothing) {
  EXPECT_FALSE(history_of({drill(kSince, 0, 2, 1)}, kSince, kNow).speed);
}

}  // namespace
}  // namespace walkback::agent
