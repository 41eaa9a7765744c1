#include "metrics/exposition.h"

#include <gtest/gtest.h>

#include <limits>

namespace walkback::metrics {
namespace {

TEST(Exposition, AFamilyIsDescribedOnceAndItsSamplesFollow) {
  Exposition all(Labels{{"cluster", "main"}});
  all.gauge("walkback_slot_active", "Whether it is read").sample(true, {{"slot", "a"}});
  all.sample(false, {{"slot", "b"}});
  EXPECT_EQ(all.text(),
            "# HELP walkback_slot_active Whether it is read\n"
            "# TYPE walkback_slot_active gauge\n"
            "walkback_slot_active{cluster=\"main\",slot=\"a\"} 1\n"
            "walkback_slot_active{cluster=\"main\",slot=\"b\"} 0\n");
}

TEST(Exposition, AFamilyWithoutASampleIsLeftOut) {
  Exposition all(Labels{});
  all.gauge("walkback_one", "Not known");
  all.counter("walkback_two_total", "Known").sample(uint64_t{18'446'744'073'709'551'615u});
  EXPECT_EQ(all.text(),
            "# HELP walkback_two_total Known\n# TYPE walkback_two_total counter\n"
            "walkback_two_total 18446744073709551615\n");
}

TEST(Exposition, WhatALabelMayHoldIsEscaped) {
  Exposition all(Labels{});
  all.gauge("walkback_one", "x").sample(uint64_t{1}, {{"path", "a\\b\"c\nd\xE9"}});
  EXPECT_TRUE(all.text().ends_with("walkback_one{path=\"a\\\\b\\\"c\\nd\\\\xE9\"} 1\n"))
      << all.text();
}

TEST(Exposition, FiguresThatAreNoneHavePrometheussNames) {
  Exposition all(Labels{});
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  all.gauge("walkback_one", "x").sample(kInfinity).sample(-kInfinity);
  all.sample(std::numeric_limits<double>::quiet_NaN()).sample(0.25);
  EXPECT_TRUE(all.text().ends_with(
      "walkback_one +Inf\nwalkback_one -Inf\nwalkback_one NaN\nwalkback_one 0.25\n"));
}

TEST(Exposition, ATimeIsInSeconds) {
  Exposition all(Labels{});
  all.gauge("walkback_one", "x").sample(Timestamp{1'795'695'479'123'456});
  EXPECT_TRUE(all.text().ends_with("walkback_one 1795695479.123\n"));
}

}  // namespace
}  // namespace walkback::metrics
