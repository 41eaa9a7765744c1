#include "alert/rhythm.h"

#include <gtest/gtest.h>

namespace walkback::alert {
namespace {

using health::Level;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Timestamp kStart{1'795'000'000'000'000};
constexpr hours kRepeat{4};

struct Wrong {
  std::string rule;
  Level level;
  std::string slot = {};
};

health::Report report(std::chrono::microseconds after, const std::vector<Wrong>& wrong = {}) {
  health::Report report;
  report.cluster = "main";
  report.at = kStart + after;
  for (const Wrong& one : wrong) {
    health::Finding finding{one.level, one.rule, "it is so", "do this", {}};
    if (!one.slot.empty()) finding.evidence.push_back({"slot", one.slot});
    report.findings.push_back(finding);
  }
  return report;
}

const Wrong kLag{"wal_lag", Level::kWarning};
const Wrong kGap{"gap", Level::kCritical};

ChannelState told(const health::Report& report) {
  ChannelState state;
  remember_told(state, report);
  return state;
}

TEST(Rhythm, OfWhatIsWellNothingIsSaid) {
  EXPECT_EQ(due({}, report(seconds(0)), kRepeat), std::nullopt);
  EXPECT_EQ(due(told(report(seconds(0))), report(hours(100)), kRepeat), std::nullopt);
}

TEST(Rhythm, AChangeIsSaidAtOnceAndOnce) {
  const auto before = report(seconds(0), {kLag});
  EXPECT_EQ(due({}, before, kRepeat), Reason::kChange);
  const ChannelState state = told(before);
  EXPECT_EQ(due(state, report(minutes(5), {kLag}), kRepeat), std::nullopt);
  // Something else, or worse.
  EXPECT_EQ(due(state, report(minutes(5), {kLag, {"verify", Level::kWarning}}), kRepeat),
            Reason::kChange);
  EXPECT_EQ(due(state, report(minutes(5), {{"wal_lag", Level::kCritical}}), kRepeat),
            Reason::kChange);
  EXPECT_EQ(due(state, report(minutes(5)), kRepeat), Reason::kRecovered);
}

TEST(Rhythm, WhatGoesAwayWhileTheRestStaysWaits) {
  const ChannelState state = told(report(seconds(0), {kLag, {"verify", Level::kWarning}}));
  EXPECT_EQ(due(state, report(minutes(5), {kLag}), kRepeat), std::nullopt);
  const ChannelState critical = told(report(seconds(0), {kGap, kLag}));
  EXPECT_EQ(due(critical, report(minutes(5), {kLag}), kRepeat), Reason::kChange);
}

TEST(Rhythm, AnotherOfTheSameRuleIsAChange) {
  const ChannelState state = told(report(seconds(0), {{"slot", Level::kWarning, "a"}}));
  EXPECT_EQ(due(state, report(minutes(1), {{"slot", Level::kWarning, "a"}}), kRepeat),
            std::nullopt);
  EXPECT_EQ(
      due(state,
          report(minutes(1), {{"slot", Level::kWarning, "a"}, {"slot", Level::kWarning, "b"}}),
          kRepeat),
      Reason::kChange);
}

TEST(Rhythm, ItIsSaidAgainWarningsMoreSeldom) {
  const ChannelState critical = told(report(seconds(0), {kGap}));
  EXPECT_EQ(due(critical, report(kRepeat - seconds(1), {kGap}), kRepeat), std::nullopt);
  EXPECT_EQ(due(critical, report(kRepeat, {kGap}), kRepeat), Reason::kRepeat);
  const ChannelState warning = told(report(seconds(0), {kLag}));
  EXPECT_EQ(due(warning, report(hours(24) - seconds(1), {kLag}), kRepeat), std::nullopt);
  EXPECT_EQ(due(warning, report(hours(24), {kLag}), kRepeat), Reason::kRepeat);
  // A clock that was set back does not silence it for days.
  EXPECT_EQ(due(critical, report(-hours(1), {kGap}), kRepeat), Reason::kRepeat);
}

// Every minute of a day something comes and goes.
TEST(Rhythm, NothingMakesAFlood) {
  ChannelState state;
  int said = 0;
  for (int minute = 0; minute < 24 * 60; ++minute) {
    const auto now = minute % 2 == 0 ? report(minutes(minute), {kLag}) : report(minutes(minute));
    if (!due(state, now, kRepeat)) continue;
    remember_told(state, now);
    ++said;
    EXPECT_LE(state.lately.size(), kMostInAnHour);
  }
  EXPECT_LE(said, 24 * static_cast<int>(kMostInAnHour));
  EXPECT_GE(said, 24);
}

TEST(Rhythm, ThatItBecomesCriticalIsSaidEvenThen) {
  ChannelState state;
  for (int i = 0; i < 6; ++i) remember_told(state, report(minutes(i), {kLag}));
  EXPECT_EQ(due(state, report(minutes(6)), kRepeat), std::nullopt) << "held back";
  EXPECT_EQ(due(state, report(minutes(6), {kGap}), kRepeat), Reason::kChange);
  remember_told(state, report(minutes(6), {kGap}));
  EXPECT_EQ(due(state, report(minutes(7), {kLag}), kRepeat), std::nullopt);
  EXPECT_EQ(due(state, report(minutes(8), {kGap}), kRepeat), std::nullopt) << "it was said";
}

TEST(Rhythm, WhatCouldNotBeSaidIsStillDue) {
  ChannelState state;
  const auto now = report(seconds(0), {kGap});
  remember_failure(state, now.at, make_error(ErrorKind::kTransient, "no answer"));
  EXPECT_EQ(due(state, report(minutes(1), {kGap}), kRepeat), Reason::kChange);
  remember_failure(state, now.at + minutes(1), make_error(ErrorKind::kTransient, "still none"));
  EXPECT_EQ(state.failure->since, now.at);
  EXPECT_EQ(state.failure->error, "still none");
  EXPECT_EQ(due(state, report(seconds(90), {kGap}), kRepeat), std::nullopt) << "after as long";
  EXPECT_EQ(due(state, report(minutes(2), {kGap}), kRepeat), Reason::kChange);
  remember_failure(state, now.at + minutes(30), make_error(ErrorKind::kTransient, "none"));
  EXPECT_EQ(due(state, report(minutes(39), {kGap}), kRepeat), std::nullopt);
  EXPECT_EQ(due(state, report(minutes(40), {kGap}), kRepeat), Reason::kChange);
  EXPECT_EQ(due(state, report(minutes(29), {kGap}), kRepeat), Reason::kChange) << "set back";
  remember_failure(state, now.at + minutes(40), make_error(ErrorKind::kInvalid, "404"));
  EXPECT_EQ(due(state, report(minutes(40), {kGap}), kRepeat), Reason::kChange) << "nobody was told";
  remember_told(state, report(minutes(41), {kGap}));
  EXPECT_FALSE(state.failure.has_value());
}

}  // namespace
}  // namespace walkback::alert
