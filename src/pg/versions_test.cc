#include "pg/versions.h"

#include <gtest/gtest.h>

namespace walkback::pg {
namespace {

TEST(Versions, AllSixMajorsAreFoundByEachOfTheirMarks) {
  ASSERT_EQ(supported_versions().size(), 6u);
  int major = 13;
  for (const Version& version : supported_versions()) {
    EXPECT_EQ(version.major, major);
    EXPECT_EQ(version_of_major(major)->catalog_version, version.catalog_version);
    EXPECT_EQ(version_of_wal_page_magic(version.wal_page_magic)->major, major);
    EXPECT_EQ(version_of_catalog(version.catalog_version)->major, major);
    ++major;
  }
}

TEST(Versions, TheBackupFunctionsWereRenamedIn15) {
  EXPECT_EQ(version_of_major(14)->backup_start, "pg_start_backup");
  EXPECT_EQ(version_of_major(15)->backup_stop, "pg_backup_stop");
}

TEST(Versions, NewerAndUnknownOnesAreUnsupported) {
  EXPECT_EQ(version_of_major(12).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(version_of_major(19).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(version_of_wal_page_magic(0xD121).error().kind, ErrorKind::kUnsupported);
  EXPECT_EQ(version_of_catalog(202209062).error().kind, ErrorKind::kUnsupported);
}

}  // namespace
}  // namespace walkback::pg
