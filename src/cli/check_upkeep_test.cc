#include "cli/check_upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using setup::Level;
using std::chrono::hours;
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
  const auto young = check_retention(config, {window(now + -hours(26), now)}, now);
  ASSERT_THAT(young, SizeIs(1));
  EXPECT_EQ(young[0].level, Level::kOk) << "nothing is to be mended";
  EXPECT_THAT(young[0].text, HasSubstr("asks for 14 d"));
  EXPECT_THAT(young[0].text, HasSubstr("there are 1 d 2 h"));
  EXPECT_THAT(young[0].text, HasSubstr("whole on 2026-12-05"));
  const auto whole = check_retention(config, {window(now + -hours(14 * 24), now)}, now);
  EXPECT_THAT(whole[0].text, HasSubstr("any moment of the last 14 d"));
}

TEST(CheckRetention, WhatLiesBeforeAGapDoesNotCount) {
  config::Config config;
  config.retention_window = "1 day";
  const Timestamp now = at("15:00:00");
  const auto found = check_retention(
      config, {window(now + -hours(48), now + -hours(3)), window(now + -hours(2), now)}, now);
  EXPECT_THAT(found[0].text, HasSubstr("there are 2 h"));
}

TEST(CheckRetention, ATierThatKeepsNothingOfItsOwnIsAWarning) {
  config::Config config;
  config.retention_window = "14 days";
  config.retention_daily = 7;
  const auto found = check_retention(config, {}, at("15:00:00"));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].level, Level::kWarning);
  EXPECT_THAT(found[0].text, HasSubstr("retention.daily = 7 keeps nothing"));
  EXPECT_THAT(check_retention({}, {}, at("15:00:00")), IsEmpty());
}

}  // namespace
}  // namespace walkback::cli
