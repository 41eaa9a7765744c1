#include "base/time_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace walkback {
namespace {

// Expected values are GNU date's: `date -u -d @N +%FT%TZ`.
TEST(IsoUtc, IsWhatDateSays) {
  EXPECT_EQ(to_iso_utc({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_iso_utc({1'795'362'419'123'456}), "2026-11-22T15:46:59.123456Z");
  EXPECT_EQ(to_iso_utc({951'782'400'000'000}), "2000-02-29T00:00:00Z");
  EXPECT_EQ(to_iso_utc({-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_iso_utc({253'402'300'800'000'000}), "+10000-01-01T00:00:00Z");
  EXPECT_EQ(to_iso_utc({-62'167'219'201'000'000}), "-0001-12-31T23:59:59Z");
}

TEST(IsoUtc, EveryTimestampIsReadBack) {
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  for (int64_t unix_us : {kFirst, kFirst + 1, int64_t{-62'167'219'201'000'000}, int64_t{-1},
                          int64_t{0}, int64_t{1'795'362'419'000'001}, kLast - 1, kLast}) {
    std::string text = to_iso_utc({unix_us});
    Result<Timestamp> read = parse_iso_utc(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(read->unix_us, unix_us) << text;
  }
}

TEST(IsoUtc, AShortFractionCountsFromThePoint) {
  EXPECT_EQ(parse_iso_utc("1970-01-01T00:00:00.5Z")->unix_us, 500'000);
  EXPECT_EQ(parse_iso_utc("1970-01-01T00:00:00.000001Z")->unix_us, 1);
}

TEST(IsoUtc, AnythingElseIsInvalid) {
  for (std::string_view text : {"",
                                "2026-11-22",
                                "2026-11-22T15:46:59",
                                "2026-11-22 15:46:59Z",
                                "2026-11-22T15:46:59+00:00",
                                "2026-11-22T24:00:00Z",
                                "2026-11-22T15:60:00Z",
                                "2026-11-22T15:46:60Z",
                                "2026-13-01T00:00:00Z",
                                "2026-02-29T00:00:00Z",
                                "2026-00-10T00:00:00Z",
                                "2026-11-22T15:46:59.Z",
                                "2026-11-22T15:46:59.1234567Z",
                                "2026-11-22T15:46:59Z ",
                                "026-11-22T15:46:59Z",
                                "+294247-01-10T04:00:54.775808Z",
                                "+999999-01-01T00:00:00Z",
                                "-999999-01-01T00:00:00Z",
                                "20266-11-22T15:46:59Z",
                                "2026-1-22T15:46:59Z"}) {
    Result<Timestamp> read = parse_iso_utc(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace walkback
