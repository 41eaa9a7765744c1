#include "base/local_zone.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace walkback {
namespace {

std::string zone_when_tz_is(const char* zone) {
  setenv("TZ", zone, 1);
  tzset();
  const time_t winter = 1'700'000'000;
  tm local{};
  localtime_r(&winter, &local);
  std::string name = zone_name(local);
  unsetenv("TZ");
  tzset();
  return name;
}

TEST(ZoneName, IsTheSystems) {
  EXPECT_EQ(zone_when_tz_is("Europe/Berlin"), "CET");
  EXPECT_EQ(zone_when_tz_is("Europe/London"), "GMT");
  EXPECT_EQ(zone_when_tz_is("UTC"), "UTC");
  EXPECT_EQ(zone_when_tz_is(""), "UTC");
}

TEST(ZoneName, OfARuleIsTheRules) {
  EXPECT_EQ(zone_when_tz_is("CET-1CEST"), "CET");
  EXPECT_EQ(zone_when_tz_is("WET0WEST"), "WET");
  EXPECT_EQ(zone_when_tz_is("<-03>3"), "-03");
}

TEST(ZoneName, AZoneNobodyKnowsIsUtcAsItIsCounted) {
  EXPECT_EQ(zone_when_tz_is("Europe/Berln"), "UTC");
  EXPECT_EQ(zone_when_tz_is("Foo"), "UTC");
  EXPECT_EQ(zone_when_tz_is(":Foo/Bar"), "UTC");
}

TEST(UnknownZone, IsWhatTzSays) {
  setenv("TZ", "Europe/Berln", 1);
  EXPECT_EQ(unknown_zone(), "Europe/Berln");
  setenv("TZ", "Europe/Berlin", 1);
  EXPECT_EQ(unknown_zone(), std::nullopt);
  unsetenv("TZ");
  EXPECT_EQ(unknown_zone(), std::nullopt);
}

}  // namespace
}  // namespace walkback
