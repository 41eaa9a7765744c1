#include "health/attempts.h"

#include <gtest/gtest.h>

#include "health/testing/sample_facts.h"

namespace walkback::health {
namespace {

catalog::Event event(std::string kind, std::string_view began, std::string_view ended,
                     std::string error = "", std::string detail = "") {
  catalog::Event event;
  event.kind = std::move(kind);
  event.started_at = at(began);
  if (!ended.empty()) event.ended_at = at(ended);
  event.succeeded = error.empty() && !ended.empty();
  event.error = std::move(error);
  event.detail = std::move(detail);
  return event;
}

const Timestamp kNow = at("12:00:00");

TEST(Attempts, WhatIsYetToComeHidesNothing) {
  const auto failed = event("backup", "02:00:00", "02:01:00", "no space");
  auto trouble = event("verify", "03:00:00", "03:10:00", "packs/ab: damaged");
  trouble.verify = {.in_trouble = 1};
  const auto later_backup = event("backup", "12:10:01", "12:20:00");
  const auto later_verify = event("verify", "12:10:01", "12:20:00");
  const Attempts attempts = attempts_of({failed, trouble, later_backup, later_verify}, kNow);
  EXPECT_TRUE(attempts.failed_backup.has_value());
  EXPECT_TRUE(attempts.last_verify->found_trouble);
  // Clocks differ a little.
  EXPECT_FALSE(attempts_of({failed, event("backup", "12:10:00", "12:20:00")}, kNow).failed_backup);
}

TEST(Attempts, AFailedBackupCountsUntilOneSucceeds) {
  const auto failed = event("backup", "02:00:00", "02:01:00", "no space");
  const auto done = event("backup", "03:00:00", "03:10:00");
  const Attempts attempts = attempts_of({done, failed}, kNow);
  ASSERT_TRUE(attempts.failed_backup.has_value());
  EXPECT_EQ(attempts.failed_backup->error, "no space");
  EXPECT_FALSE(attempts_of({failed, done}, kNow).failed_backup.has_value());
}

TEST(Attempts, ABackupThatRunsIsNoneThatWasKilled) {
  auto running = event("backup", "02:00:00", "");
  EXPECT_EQ(attempts_of({running}, kNow).running_backup, at("02:00:00"));
  running.killed = true;
  const Attempts attempts = attempts_of({running}, kNow);
  EXPECT_FALSE(attempts.running_backup.has_value());
  EXPECT_EQ(attempts.failed_backup->error, "it was killed");
}

TEST(Attempts, AVerificationThatFoundTroubleIsNoneThatFailed) {
  const auto sound = event("verify", "01:00:00", "01:10:00");
  auto trouble = event("verify", "02:00:00", "02:10:00", "packs/ab: damaged");
  trouble.verify = {.in_trouble = 2, .gaps = 1};
  const auto failed = event("verify", "03:00:00", "03:10:00", "no answer", "deep");
  Attempts attempts = attempts_of({sound, trouble}, kNow);
  EXPECT_TRUE(attempts.last_verify->found_trouble);
  EXPECT_EQ(attempts.last_verify->detail, "packs/ab: damaged");
  EXPECT_EQ(attempts.last_sound_verify, at("01:10:00"));
  attempts = attempts_of({sound, failed}, kNow);
  EXPECT_FALSE(attempts.last_verify->found_trouble || attempts.last_verify->sound);
  // One that still runs says nothing yet.
  EXPECT_TRUE(attempts_of({sound, event("verify", "04:00:00", "")}, kNow).last_verify->sound);
}

// They have a finding of their own, and no verification can mend them.
TEST(Attempts, AVerificationThatFoundGapsAloneProvedWhatIsStored) {
  auto gaps = event("verify", "02:00:00", "02:10:00", "wal/00: missing");
  gaps.verify = {.in_trouble = 2, .gaps = 2};
  const Attempts attempts = attempts_of({gaps}, kNow);
  EXPECT_TRUE(attempts.last_verify->sound && !attempts.last_verify->found_trouble);
  EXPECT_EQ(attempts.last_verify->gaps, 2);
  EXPECT_EQ(attempts.last_sound_verify, at("02:10:00"));
}

TEST(Attempts, ADrillThatWasEndedSaysNothing) {
  const auto good = event("drill", "01:00:00", "01:02:05");
  auto ended = event("drill", "02:00:00", "02:01:00", "interrupted while rows were counted");
  ended.interrupted = true;
  EXPECT_TRUE(attempts_of({good, ended}, kNow).last_drill->ok);
  auto killed = event("drill", "03:00:00", "");
  killed.killed = true;
  EXPECT_TRUE(attempts_of({good, killed}, kNow).last_drill->ok);
  // What failed stays so.
  const auto bad = event("drill", "01:30:00", "01:31:00", "3 rows instead of 4");
  EXPECT_FALSE(attempts_of({good, bad, ended, killed}, kNow).last_drill->ok);
}

TEST(Attempts, ADrillIsMeasured) {
  const auto good = event("drill", "01:00:00", "01:02:05");
  const auto bad = event("drill", "02:00:00", "02:01:00", "3 rows instead of 4");
  const Attempts attempts = attempts_of({good, bad}, kNow);
  EXPECT_EQ(attempts.last_good_drill->recovery_s, 125);
  auto measured = good;
  measured.drill.emplace();
  measured.drill->restore_s = 40;
  measured.drill->replay_s = 2.5;
  measured.drill->prove_s = 60;
  EXPECT_EQ(attempts_of({measured}, kNow).last_good_drill->recovery_s, 42.5);
  EXPECT_FALSE(attempts.last_drill->ok);
  EXPECT_EQ(attempts.last_drill->error, "3 rows instead of 4");
  EXPECT_FALSE(attempts_of({event("drill", "03:00:00", "")}, kNow).last_drill.has_value());
}

}  // namespace
}  // namespace walkback::health
