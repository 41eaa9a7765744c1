#include "cost/gather.h"

#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "base/testing/seeded_random.h"
#include "catalog/events.h"
#include "catalog/testing/scratch_archive.h"

namespace walkback::cost {
namespace {

using catalog::at;
using catalog::ScratchArchive;
using catalog::ScratchTimeline;

constexpr double kHour_s = 3600;
constexpr double kDay_s = 24 * kHour_s;
constexpr double kDaysAMonth = 30;

class CostGather : public testing::Test {
 protected:
  Facts look(double now_s) {
    const auto facts = gather(archive_.objects(), "main", at(now_s), {});
    EXPECT_TRUE(facts.ok()) << facts.error().message;
    return *facts;
  }
  void attempt(const std::string& kind, double second) {
    clock_.jump_to(at(second));
    const catalog::Event event = catalog::new_event(kind, clock_, random_);
    catalog::EventRecorder recorder(archive_.objects(), "main", clock_);
    ASSERT_TRUE(recorder.begin(event).ok() && recorder.end(event, nullptr).ok());
  }

  ScratchArchive archive_;
  ScratchTimeline log_{1};
  ManualClock clock_;
  SeededRandom random_{1};
};

TEST_F(CostGather, AMonthIsThirtyTimesTheDayThatWasSeen) {
  attempt("backup", 0);
  archive_.backup(log_, 0, 60);
  for (int i = 0; i < 4; ++i) {
    log_.commit(700 + static_cast<pg::Xid>(i), 100 + i);
    log_.switch_segment();
  }
  archive_.put_all(log_);
  attempt("verify", kHour_s);
  attempt("prune", 2 * kHour_s);
  const Facts facts = look(kDay_s);
  ASSERT_TRUE(facts.rates.has_value());
  EXPECT_EQ(facts.rates->measured_over, std::chrono::hours(24));
  EXPECT_DOUBLE_EQ(facts.rates->backups, kDaysAMonth);
  EXPECT_DOUBLE_EQ(facts.rates->verifies, kDaysAMonth);
  EXPECT_DOUBLE_EQ(facts.rates->prunes, kDaysAMonth);
  EXPECT_GE(facts.segments, 4U);
  EXPECT_NEAR(facts.rates->segments, static_cast<double>(facts.segments) * kDaysAMonth, 0.01);
  EXPECT_EQ(facts.wal_raw, facts.segments * ScratchTimeline::kSegmentBytes);
  EXPECT_GT(facts.wal_raw, facts.wal_stored);
}

TEST_F(CostGather, WhatWasDoneBeforeTheLastWeekDoesNotCount) {
  attempt("prune", 0);
  attempt("prune", 29 * kDay_s);
  const Facts facts = look(30 * kDay_s);
  EXPECT_EQ(facts.rates->measured_over, std::chrono::hours(7 * 24));
  EXPECT_NEAR(facts.rates->prunes, kDaysAMonth / 7, 0.01);
}

TEST_F(CostGather, TheFirstBackupComesOnce) {
  attempt("backup", 0);
  archive_.backup(log_, 0, 60);
  const Facts facts = look(kDay_s);
  EXPECT_EQ(facts.backups, 1U);
  EXPECT_DOUBLE_EQ(facts.rates->pack_bytes, 0);
}

TEST_F(CostGather, LessThanAnHourSaysNothingOfAMonth) {
  attempt("backup", 0);
  EXPECT_FALSE(look(kHour_s - 1).rates.has_value());
  EXPECT_TRUE(look(kHour_s).rates.has_value());
}

}  // namespace
}  // namespace walkback::cost
