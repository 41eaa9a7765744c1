#include "cli/check_upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/schedule_options.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using setup::Level;
using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

catalog::RecoveryWindow window(Timestamp from, Timestamp to) {
  catalog::RecoveryWindow window;
  window.from = from;
  window.to = to;
  return window;
}

TEST(CheckRetention, AWindowThatIsYoungerThanItsRuleHasADate) {
  config::Config config;
  config.retention_window = "14 days";
  const Timestamp now = at("15:00:00");
  const auto young = check_retention(config, {window(now + -hours(26), now)}, {}, now);
  ASSERT_THAT(young, SizeIs(1));
  EXPECT_EQ(young[0].level, Level::kOk) << "nothing is to be mended";
  EXPECT_THAT(young[0].text, HasSubstr("asks for 14 d"));
  EXPECT_THAT(young[0].text, HasSubstr("there are 1 d 2 h"));
  EXPECT_THAT(young[0].text, HasSubstr("whole on 2026-12-05"));
  const auto whole = check_retention(config, {window(now + -hours(14 * 24), now)}, {}, now);
  EXPECT_THAT(whole[0].text, HasSubstr("any moment of the last 14 d"));
}

TEST(CheckRetention, WhatLiesBeforeAGapDoesNotCount) {
  config::Config config;
  config.retention_window = "1 day";
  const Timestamp now = at("15:00:00");
  const auto found = check_retention(
      config, {window(now + -hours(48), now + -hours(3)), window(now + -hours(2), now)}, {}, now);
  EXPECT_THAT(found[0].text, HasSubstr("there are 2 h"));
}

// A clock that was ahead when a backup was taken.
TEST(CheckRetention, ADateThatIsYetToComeBeginsNoWindow) {
  config::Config config;
  config.retention_window = "14 days";
  const Timestamp now = at("15:00:00");
  catalog::RecoveryWindow there = window(now + hours(5000), now + hours(5000));
  there.timeline = {1};
  there.from_lsn = {100};
  there.to_lsn = {900};
  catalog::BackupSummary wrong, right;
  wrong.timeline = right.timeline = {1};
  wrong.stop_lsn = {100};
  wrong.stopped_at = now + hours(5000);
  right.stop_lsn = {500};
  right.stopped_at = now + -hours(26);
  const auto known = check_retention(config, {there}, {right, wrong}, now);
  ASSERT_THAT(known, SizeIs(1));
  EXPECT_THAT(known[0].text, HasSubstr("there are 1 d 2 h"));
  const auto unknown = check_retention(config, {there}, {wrong}, now);
  ASSERT_THAT(unknown, SizeIs(1));
  EXPECT_EQ(unknown[0].level, Level::kWarning);
  EXPECT_THAT(unknown[0].text, HasSubstr("is not known"));
  // Older and whole, it is not taken for the newest.
  EXPECT_THAT(
      check_retention(config, {window(now + -hours(50), now + -hours(1)), there}, {wrong}, now)[0]
          .text,
      HasSubstr("there are 2 d 1 h"));
}

TEST(CheckRetention, ATierThatKeepsNothingOfItsOwnIsAWarning) {
  config::Config config;
  config.retention_window = "14 days";
  config.retention_daily = 7;
  const auto found = check_retention(config, {}, {}, at("15:00:00"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].level, Level::kWarning);
  EXPECT_THAT(found[0].text, HasSubstr("retention.daily = 7 keeps nothing"));
  EXPECT_THAT(check_retention({}, {}, {}, at("15:00:00")), IsEmpty());
}

class CheckSchedule : public ::testing::Test {
 protected:
  setup::Finding judge() {
    config_.schedule_zone = "UTC";
    return judge_schedule(config_, *schedule_of(config_, system_files()), history_, now_);
  }
  void tried(Timestamp when, schedule::Outcome outcome = schedule::Outcome::kDone) {
    history_.attempts.push_back({schedule::Job::kBackup, when, when + minutes(1), outcome});
  }

  const Timestamp now_ = at("15:40:00");
  config::Config config_;
  schedule::History history_{
      .attempts = {}, .since = at("14:30:00"), .speed = {}, .wal_since_backup_bytes = {}};
};

TEST_F(CheckSchedule, ThatNobodyKeepsIsAWarningWithWhatWasNotBegun) {
  config_.schedule_backup = "0 * * * *";
  const setup::Finding finding = judge();
  EXPECT_EQ(finding.level, Level::kWarning);
  EXPECT_THAT(finding.text, HasSubstr("nobody keeps it. By it backup was due at"));
  EXPECT_THAT(finding.hint, HasSubstr("`walkback agent`"));
}

TEST_F(CheckSchedule, ThatSomebodyKeepsIsOk) {
  config_.schedule_backup = "0 * * * *";
  tried(at("15:01:00"));
  EXPECT_EQ(judge().level, Level::kOk);
  history_.attempts.clear();
  tried(at("15:01:00"), schedule::Outcome::kFailed);
  EXPECT_EQ(judge().level, Level::kOk) << "it was tried: status says that it failed";
  history_.attempts.clear();
  tried(at("11:00:00"), schedule::Outcome::kRunning);
  EXPECT_EQ(judge().level, Level::kOk) << "the rest waits for it";
}

TEST_F(CheckSchedule, WhatWasDueAMomentAgoMayBeginYet) {
  config_.schedule_backup = "35 15 * * *";
  tried(at("14:40:00"));
  EXPECT_EQ(judge().level, Level::kOk);
  history_.attempts.clear();
  history_.since = at("15:38:00");
  EXPECT_EQ(judge().level, Level::kOk) << "a repository two minutes old";
}

TEST_F(CheckSchedule, WithoutOneOfItsOwnCronMayRunEverything) {
  history_.since = at("10:00:00");
  const setup::Finding finding =
      judge_schedule({}, *schedule_of({}, system_files()), history_, now_);
  EXPECT_EQ(finding.level, Level::kOk);
  EXPECT_THAT(finding.text, HasSubstr("no agent keeps its defaults"));
}

}  // namespace
}  // namespace walkback::cli
