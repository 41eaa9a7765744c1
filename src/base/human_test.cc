#include "base/human.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace walkback {
namespace {

TEST(Human, Bytes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(16 << 20), "16.0 MiB");
  EXPECT_EQ(human_bytes((1 << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16.0 EiB");
}

TEST(Human, Durations) {
  EXPECT_EQ(human_duration(-1), "0.0 s");
  EXPECT_EQ(human_duration(0.84), "0.8 s");
  EXPECT_EQ(human_duration(9.96), "10 s");
  EXPECT_EQ(human_duration(125), "2 min 5 s");
  EXPECT_EQ(human_duration(3600 * 3 + 12 * 60), "3 h 12 min");
  EXPECT_EQ(human_duration(86400 * 4 + 7200), "4 d 2 h");
}

TEST(Human, Counts) {
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1203550), "1,203,550");
  EXPECT_EQ(counted(1, "segment"), "1 segment");
  EXPECT_EQ(counted(1000, "segment"), "1,000 segments");
}

TEST(Human, TimesAreLocalAndSayTheirZone) {
  setenv("TZ", "Europe/Berlin", 1);
  tzset();
  Timestamp summer{1'782'136'019'500'000};  // 2026-06-22 13:46:59.5 UTC
  EXPECT_EQ(local_time(summer), "2026-06-22 15:46:59.5 CEST");
  EXPECT_EQ(local_second(summer), "2026-06-22 15:46:59 CEST");
  EXPECT_EQ(local_time({-1}), "1970-01-01 00:59:59.999999 CET");
  setenv("TZ", "UTC", 1);
  tzset();
  EXPECT_EQ(local_time(summer), "2026-06-22 13:46:59.5 UTC");
}

}  // namespace
}  // namespace walkback
