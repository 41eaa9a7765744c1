#include "schedule/due.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file_system.h"
#include "base/time_text.h"

namespace walkback::schedule {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;

Timestamp at(std::string_view text) { return parse_iso_utc(text).value(); }

const Timestamp kTwo = at("2026-11-26T02:00:00Z");

// A backup at two every night, in a repository that is a month old.
class WhatIsDue : public testing::Test {
 protected:
  WhatIsDue() {
    history.since = at("2026-10-26T00:00:00Z");
    runs(Job::kBackup, "0 2 * * *");
  }
  void runs(Job job, std::string_view expression) {
    schedule.runs.insert_or_assign(job, CronSchedule(CronExpression::parse(expression).value(),
                                                     Zone::find(system_files(), "UTC").value()));
  }
  void tried(Job job, Timestamp started, Outcome outcome, minutes took = minutes(5)) {
    Attempt attempt{job, started, started + took, outcome};
    if (outcome == Outcome::kRunning || outcome == Outcome::kKilled) attempt.ended_at.reset();
    history.attempts.push_back(attempt);
  }
  // "backup scheduled, prune missed"
  std::string due(Timestamp now) {
    std::string text;
    for (const Due& due : decide(schedule, history, now).due) {
      text += text.empty() ? "" : ", ";
      text += std::string(job_name(due.job)) + " " + std::string(reason_name(due.reason));
    }
    return text;
  }
  Schedule schedule;
  History history;
};

TEST_F(WhatIsDue, ARunIsDueAtItsMinuteAndNotBefore) {
  tried(Job::kBackup, kTwo + -hours(24), Outcome::kDone);
  EXPECT_EQ(due(kTwo + -seconds(1)), "");
  EXPECT_EQ(due(kTwo), "backup scheduled");
  EXPECT_EQ(decide(schedule, history, kTwo + -seconds(1)).next, kTwo);
}

TEST_F(WhatIsDue, WhatRanForItIsNotRunAgainWhoeverRanIt) {
  tried(Job::kBackup, kTwo + seconds(3), Outcome::kDone);
  EXPECT_EQ(due(kTwo + seconds(10)), "");
  EXPECT_EQ(due(kTwo + hours(23)), "");
  EXPECT_EQ(due(kTwo + hours(24)), "backup scheduled");
}

TEST_F(WhatIsDue, OneThatRunsIsWaitedForEvenBeyondItsNextTime) {
  tried(Job::kBackup, kTwo, Outcome::kRunning);
  EXPECT_EQ(due(kTwo + minutes(1)), "");
  EXPECT_EQ(due(kTwo + hours(25)), "");
}

TEST_F(WhatIsDue, MissedRunsRunOnce) {
  tried(Job::kBackup, kTwo + -hours(24 * 10), Outcome::kDone);
  const Timestamp back = kTwo + hours(7);
  EXPECT_EQ(due(back), "backup missed");
  tried(Job::kBackup, back, Outcome::kDone);
  EXPECT_EQ(due(back + minutes(30)), "");
}

TEST_F(WhatIsDue, NothingWasMissedBeforeTheRepositoryWas) {
  history.since = kTwo + minutes(1);
  schedule.runs.clear();
  runs(Job::kVerify, "0 2 * * *");
  EXPECT_EQ(due(kTwo + hours(7)), "");
  EXPECT_EQ(due(kTwo + hours(24)), "verify scheduled");
}

TEST_F(WhatIsDue, TheFirstBackupWaitsForNoHour) {
  history.since = kTwo + minutes(1);
  EXPECT_EQ(due(kTwo + minutes(1)), "backup first");
  EXPECT_EQ(decide(schedule, history, kTwo + minutes(5)).due[0].at, history.since);
  tried(Job::kBackup, kTwo + minutes(1), Outcome::kFailed);  // until 02:06
  EXPECT_EQ(due(kTwo + minutes(6)), "");
  EXPECT_EQ(due(kTwo + minutes(7)), "backup first");
  tried(Job::kBackup, kTwo + minutes(7), Outcome::kDone);
  EXPECT_EQ(due(kTwo + hours(7)), "");
}

TEST_F(WhatIsDue, WithoutAScheduleOfBackupsThereIsNoFirstOne) {
  schedule.runs.clear();
  EXPECT_EQ(due(kTwo), "");
}

TEST_F(WhatIsDue, AfterFailuresItIsTriedAgainEverLater) {
  tried(Job::kBackup, kTwo + -hours(24), Outcome::kDone);
  tried(Job::kBackup, kTwo, Outcome::kFailed);  // until 02:05
  EXPECT_EQ(due(kTwo + minutes(5) + seconds(59)), "");
  EXPECT_EQ(decide(schedule, history, kTwo + minutes(5)).next, kTwo + minutes(6));
  EXPECT_EQ(due(kTwo + minutes(6)), "backup retry");
  tried(Job::kBackup, kTwo + minutes(6), Outcome::kFailed);  // until 02:11
  EXPECT_EQ(due(kTwo + minutes(12)), "");
  EXPECT_EQ(due(kTwo + minutes(13)), "backup retry");
  EXPECT_THAT(decide(schedule, history, kTwo + minutes(13)).due[0].text, HasSubstr("2 times"));
  tried(Job::kBackup, kTwo + minutes(13), Outcome::kDone);
  EXPECT_EQ(due(kTwo + minutes(30)), "");
}

TEST_F(WhatIsDue, ANewRunComesNoSoonerThanTheBackoffAllows) {
  runs(Job::kBackup, "* * * * *");
  for (int i = 0; i < 5; ++i) tried(Job::kBackup, kTwo + minutes(i), Outcome::kFailed, minutes(0));
  EXPECT_EQ(due(kTwo + minutes(5)), "");
  EXPECT_EQ(due(kTwo + minutes(4 + 16)), "backup scheduled");
}

TEST_F(WhatIsDue, AKilledOneIsTriedAgainAMinuteAfterItsBeginning) {
  tried(Job::kBackup, kTwo, Outcome::kKilled);
  EXPECT_EQ(due(kTwo + seconds(59)), "");
  EXPECT_EQ(due(kTwo + minutes(1)), "backup retry");
}

TEST_F(WhatIsDue, TheOrderIsWhatProtectsFirst) {
  for (const Job job : {Job::kDrill, Job::kVerify, Job::kPrune}) runs(job, "0 2 * * *");
  EXPECT_EQ(due(kTwo), "backup scheduled, prune scheduled, verify scheduled, drill scheduled");
}

TEST_F(WhatIsDue, OneJobsFailureDoesNotDelayAnother) {
  runs(Job::kVerify, "0 2 * * *");
  tried(Job::kBackup, kTwo, Outcome::kFailed);
  EXPECT_EQ(due(kTwo + minutes(5)), "verify missed");
}

TEST_F(WhatIsDue, AnAttemptDatedByAWrongClockKeepsNothingFromRunning) {
  tried(Job::kBackup, at("2099-01-01T00:00:00Z"), Outcome::kDone);
  EXPECT_EQ(due(kTwo), "backup scheduled");
  // Another host's clock that is ahead by little is believed.
  tried(Job::kBackup, kTwo + seconds(30), Outcome::kDone);
  EXPECT_EQ(due(kTwo), "");
}

TEST(Backoff, DoublesUpToAnHour) {
  EXPECT_EQ(backoff(1), minutes(1));
  EXPECT_EQ(backoff(2), minutes(2));
  EXPECT_EQ(backoff(6), minutes(32));
  EXPECT_EQ(backoff(7), minutes(60));
  EXPECT_EQ(backoff(1'000'000), minutes(60));
}

// Ten minutes, where drills replayed 10 MB a second: 6 GB.
class ByObjective : public WhatIsDue {
 protected:
  ByObjective() {
    schedule.runs.clear();
    schedule.recovery_time_objective = minutes(10);
    history.speed = RecoverySpeed{10e6, 60};
    tried(Job::kBackup, kTwo, Outcome::kDone);
  }
  std::string trouble(Timestamp now) { return decide(schedule, history, now).objective_trouble; }
};

TEST_F(ByObjective, ABackupIsDueAsSoonAsReplayWouldTakeLonger) {
  history.wal_since_backup_bytes = 6'000'000'000;
  EXPECT_EQ(due(kTwo + hours(3)), "");
  history.wal_since_backup_bytes = 6'100'000'000;
  EXPECT_EQ(due(kTwo + hours(3)), "backup objective");
  EXPECT_THAT(trouble(kTwo + hours(3)), IsEmpty());
}

TEST_F(ByObjective, ABackupThatFailedForItWaitsAsAnyOther) {
  history.wal_since_backup_bytes = 7'000'000'000;
  tried(Job::kBackup, kTwo + hours(3), Outcome::kFailed);
  EXPECT_EQ(due(kTwo + hours(3) + minutes(5)), "");
  EXPECT_EQ(due(kTwo + hours(3) + minutes(6)), "backup objective");
}

TEST_F(ByObjective, WithoutAMeasureItIsSaidAndNothingIsDue) {
  history.speed.reset();
  history.wal_since_backup_bytes = 7'000'000'000;
  EXPECT_EQ(due(kTwo + hours(3)), "");
  EXPECT_THAT(trouble(kTwo + hours(3)), HasSubstr("no drill has measured"));
}

TEST_F(ByObjective, WithoutAServerToAskNothingIsDue) { EXPECT_EQ(due(kTwo + hours(3)), ""); }

TEST_F(ByObjective, ARestoreThatTakesLongerAloneIsReported) {
  history.speed->restore_s = 700;
  history.wal_since_backup_bytes = 1;
  EXPECT_THAT(trouble(kTwo + hours(3)), HasSubstr("restoring a backup alone took"));
}

TEST_F(ByObjective, WalThatComesFasterThanBackupsEndIsReportedAndBackupsRest) {
  // In ten minutes 13 GB: of these 6.5 GB within the five of the backup.
  history.wal_since_backup_bytes = 13'000'000'000;
  EXPECT_THAT(trouble(kTwo + minutes(10)), HasSubstr("no backup keeps an objective"));
  EXPECT_EQ(due(kTwo + minutes(9)), "");
  EXPECT_EQ(decide(schedule, history, kTwo + minutes(9)).next, kTwo + minutes(10));
  EXPECT_EQ(due(kTwo + minutes(10)), "backup objective");
}

}  // namespace
}  // namespace walkback::schedule
