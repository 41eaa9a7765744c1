#include "schedule/zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/time_text.h"

namespace walkback::schedule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

UtcSeconds at(std::string_view text) { return parse_iso_utc(text).value().unix_us / 1'000'000; }
Zone zone(std::string_view name) { return Zone::find(system_files(), name).value(); }
Bytes berlin() { return read_file(system_files(), "/usr/share/zoneinfo/Europe/Berlin").value(); }

TEST(Zone, ATimeComesOnceTwiceOrNever) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_THAT(berlin.instants_of(at("2026-07-01T12:00:00Z")).at,
              ElementsAre(at("2026-07-01T10:00:00Z")));
  EXPECT_THAT(berlin.instants_of(at("2026-10-25T02:30:00Z")).at,
              ElementsAre(at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")));
  const Zone::Instants gap = berlin.instants_of(at("2026-03-29T02:30:00Z"));
  EXPECT_THAT(gap.at, IsEmpty());
  EXPECT_EQ(gap.gap_end, at("2026-03-29T01:00:00Z"));
}

TEST(Zone, SteadyIsOnlyWhereNoClockChanges) {
  const Zone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.steady_offset(at("2026-07-01T00:00:00Z"), at("2026-07-04T00:00:00Z")), 7200);
  EXPECT_EQ(berlin.steady_offset(at("2026-03-28T00:00:00Z"), at("2026-03-31T00:00:00Z")),
            std::nullopt);
  EXPECT_EQ(zone("UTC").steady_offset(at("0001-01-01T00:00:00Z"), at("9999-01-01T00:00:00Z")), 0);
}

TEST(Zone, BeyondTheFilesTransitionsItsRuleHolds) {
  EXPECT_EQ(zone("Europe/Berlin").offset_at(at("2301-07-01T00:00:00Z")), 7200);
  EXPECT_EQ(zone("Europe/Berlin").offset_at(at("2301-12-01T00:00:00Z")), 3600);
}

TEST(Zone, AnUnknownNameIsRefused) {
  for (const char* name : {"", "Europe/Berlim", "../../../etc/passwd", "Europe", "tzdata.zi",
                           "/usr/share/zoneinfo/UTC", "Europe/Berlin/x"}) {
    const auto found = Zone::find(system_files(), name);
    ASSERT_FALSE(found.ok()) << name;
    EXPECT_THAT(found.error().message, testing::HasSubstr("there is no time zone")) << name;
  }
}

TEST(Zone, AFileThatIsCutIsDamagedWhereverItEnds) {
  const Bytes whole = berlin();
  ASSERT_TRUE(Zone::parse("x", whole).ok());
  for (size_t length = 0; length < whole.size(); ++length) {
    const auto cut = Zone::parse("x", ByteView(whole).first(length));
    ASSERT_FALSE(cut.ok()) << length;
    EXPECT_EQ(cut.error().kind, ErrorKind::kCorrupt);
  }
}

TEST(Zone, NoChangedByteReadsBeyondTheFile) {
  const Bytes whole = berlin();
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const unsigned value : {0U, 0x7FU, 0xFFU}) {
      Bytes changed = whole;
      changed[i] = std::byte(value);
      const auto zone = Zone::parse("x", changed);
      if (zone.ok()) zone->instants_of(at("2026-03-29T02:30:00Z"));
    }
  }
}

}  // namespace
}  // namespace walkback::schedule
