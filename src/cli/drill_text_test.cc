#include "cli/drill_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "cli/testing/golden.h"
#include "cli/testing/samples.h"

namespace walkback::cli {
namespace {

using testing::HasSubstr;

class DrillText : public testing::Test {
 protected:
  DrillText() {
    setenv("TZ", "Europe/Berlin", 1);
    tzset();
  }
  ~DrillText() override {
    unsetenv("TZ");
    tzset();
  }
};

const Suggestion kPlain("walkback", "");

drill::DrillReport passed() {
  drill::DrillReport report = sample_drill();
  report.proofs[1] = drill::proved("checks", "2 answered as expected");
  report.proofs[3] = drill::proved("indexes", "tables and B-tree indexes are whole");
  report.checks[1].found = "42";
  report.checks[1].as_expected = true;
  report.remarks.clear();
  return report;
}

TEST_F(DrillText, Passed) {
  drill::DrillReport report = passed();
  report.random.emplace();
  report.random->seed = 42;
  report.random->time = at("15:46:58.5");
  report.random->window.timeline = {1};
  report.random->window.from = at("14:00:19");
  report.random->window.to = at("16:00:00");
  report.plan.target.kind = restore::TargetKind::kTime;
  report.plan.target.time = report.random->time;
  expect_golden("drill.txt", drill_text(report, kPlain));
  expect_golden("drill.json", drill_json(report, nullptr));
}

TEST_F(DrillText, WhatCouldNotBeTriedIsSaid) {
  drill::DrillReport report = passed();
  report.proofs[3] = drill::not_proved("indexes", "there is no amcheck");
  EXPECT_THAT(drill_text(report, kPlain), HasSubstr("passed, as far as it could be proved"));
}

TEST_F(DrillText, Failed) {
  drill::DrillReport report = sample_drill();
  const std::string root = "/srv/drill/drill-20261122T160000Z-0003";
  const std::string pg_ctl = "/usr/lib/postgresql/15/bin/pg_ctl -D " + root + "/data ";
  report.kept = {root, pg_ctl + "start", "psql -h " + root + " -p 5432 -d postgres",
                 pg_ctl + "-m fast stop", ""};
  const Error error = drill_error(report);
  EXPECT_EQ(error.message, "the drill failed: checks: 1 of 2 were not answered as expected");
  expect_golden("drill_failed.txt", drill_text(report, kPlain));
  expect_golden("drill_failed.json", drill_json(report, &error));
}

TEST_F(DrillText, NotEvenRecovered) {
  drill::DrillReport report = sample_drill();
  report.proofs = {drill::failed("target", "pack ab01 is damaged at byte 4711")};
  report.checks.clear();
  report.rows = {};
  report.compared_with.reset();
  report.remarks.clear();
  report.summary.bytes_written = report.summary.bytes_fetched = 0;
  report.summary.restore_s = report.summary.replay_s = report.summary.prove_s = 0;
  const Error error = drill_error(report);
  expect_golden("drill_not_recovered.txt", drill_text(report, kPlain));
  EXPECT_THAT(drill_json(report, &error), HasSubstr("\"segments_replayed\": 0"));
}

}  // namespace
}  // namespace walkback::cli
