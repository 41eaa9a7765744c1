#include "pg/types.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

constexpr uint32_t kMiB = 1u << 20;

TEST(Lsn, PrintsAndReadsAsPostgres) {
  EXPECT_EQ((Lsn{0x0000000AFE000028}).text(), "A/FE000028");
  EXPECT_EQ((Lsn{}).text(), "0/0");
  EXPECT_EQ(Lsn::parse("A/FE000028").value(), Lsn{0x0000000AFE000028});
  EXPECT_EQ(Lsn::parse("a/fe000028").value(), Lsn{0x0000000AFE000028});
  EXPECT_EQ(Lsn::parse("FFFFFFFF/FFFFFFFF").value(), Lsn{UINT64_MAX});
}

TEST(Lsn, RefusesWhatPostgresRefuses) {
  for (const char* text :
       {"", "/", "1", "1/", "/1", "1/2/3", "1/ 2", "0x1/2", "123456789/0", "-1/0", "g/0"}) {
    EXPECT_FALSE(Lsn::parse(text).ok()) << text;
  }
}

TEST(PgTimestamp, CountsFrom2000) {
  EXPECT_EQ(from_pg_timestamp(0).unix_us, 946'684'800'000'000);
  EXPECT_EQ(from_pg_timestamp(-946'684'800'000'000).unix_us, 0);
  EXPECT_EQ(from_pg_timestamp(INT64_MAX).unix_us, INT64_MAX);
}

TEST(FullXid, IsTheNearestWithThoseLowBits) {
  const FullXid near{0x500000010};
  EXPECT_EQ(widen(0x11, near).value, 0x500000011u);
  EXPECT_EQ(widen(0x0F, near).value, 0x50000000Fu);
  EXPECT_EQ(widen(0xFFFFFFF0, near).value, 0x4FFFFFFF0u);
  EXPECT_EQ(widen(0xFFFFFFF0, FullXid{0x10}).value, 0xFFFFFFF0u)
      << "there is no epoch before the first";
}

TEST(SegmentName, SplitsByTheSegmentSize) {
  const Lsn lsn{0x0000000AFE000028};
  EXPECT_EQ(SegmentName::of({1}, lsn, 16 * kMiB).text(16 * kMiB), "000000010000000A000000FE");
  EXPECT_EQ(SegmentName::of({1}, lsn, 1 * kMiB).text(1 * kMiB), "000000010000000A00000FE0");
  EXPECT_EQ(SegmentName::of({0x1F}, lsn, 1024 * kMiB).text(1024 * kMiB),
            "0000001F0000000A00000003");
}

TEST(SegmentName, ReadsBackWhatItPrints) {
  for (uint32_t bytes = kMiB; bytes <= 1024 * kMiB; bytes *= 2) {
    const SegmentName name = SegmentName::of({7}, Lsn{0x123456789ABCDEF0}, bytes);
    EXPECT_EQ(SegmentName::parse(name.text(bytes), bytes).value(), name) << bytes;
    EXPECT_LE(name.start(bytes), Lsn{0x123456789ABCDEF0});
  }
}

TEST(SegmentName, RefusesNamesThatSizeCannotHave) {
  EXPECT_FALSE(SegmentName::parse("000000010000000A00000100", 16 * kMiB).ok());
  EXPECT_TRUE(SegmentName::parse("000000010000000A00000100", 8 * kMiB).ok());
  EXPECT_FALSE(SegmentName::parse("000000000000000A00000001", 16 * kMiB).ok()) << "timeline 0";
  EXPECT_FALSE(SegmentName::parse("000000010000000a00000001", 16 * kMiB).ok()) << "lower case";
  EXPECT_FALSE(SegmentName::parse("000000010000000A0000001", 16 * kMiB).ok());
  EXPECT_FALSE(SegmentName::parse("000000010000000A00000001", 16 * kMiB + 1).ok());
}

TEST(WalFileKind, KnowsWhatPostgresArchives) {
  EXPECT_EQ(wal_file_kind("0000000100000000000000FE"), WalFileKind::kSegment);
  EXPECT_EQ(wal_file_kind("0000000100000000000000FE.partial"), WalFileKind::kPartialSegment);
  EXPECT_EQ(wal_file_kind("00000002.history"), WalFileKind::kHistory);
  EXPECT_EQ(wal_file_kind("0000000100000000000000FE.00000028.backup"), WalFileKind::kBackupHistory);
}

TEST(WalFileKind, AnythingElseIsOther) {
  for (const char* name :
       {"", "0000000100000000000000fe", "0000000100000000000000FE.gz", "2.history",
        "0000000100000000000000FE..backup", "0000000100000000000000FE.0000002.backup",
        "../../etc/passwd", "00000002.history.tmp"}) {
    EXPECT_EQ(wal_file_kind(name), WalFileKind::kOther) << name;
  }
}

}  // namespace
}  // namespace walkback::pg
