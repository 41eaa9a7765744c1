#include "catalog/layout.h"

#include <gtest/gtest.h>

namespace walkback::catalog {
namespace {

const LineageLayout kLayout("main", pg::SystemIdentifier{7312});
const std::string kRoot = "clusters/main/7312/";

TEST(Layout, NamesAreThoseOfTheFormat) {
  EXPECT_EQ(kLayout.lineage().text(), kRoot + "lineage.json");
  EXPECT_EQ(kLayout.wal_file("000000010000000A000000FE").text(),
            kRoot + "wal/00000001/0000000A/000000010000000A000000FE.zst");
  EXPECT_EQ(kLayout.wal_index("000000010000000A000000FE").text(),
            kRoot + "wal/00000001/0000000A/000000010000000A000000FE.index.zst");
  EXPECT_EQ(kLayout.wal_settings("000000010000000A000000FE").text(),
            kRoot + "wal/00000001/0000000A/000000010000000A000000FE.settings.zst");
  EXPECT_EQ(kLayout.wal_file("00000002.history").text(),
            kRoot + "wal/00000002/00000002.history.zst");
  EXPECT_EQ(kLayout.reservation({10}).text(), kRoot + "timelines/0000000A.json");
  EXPECT_EQ(kLayout.manifest({"20261122T154659Z-3f9a"}).text(),
            kRoot + "backups/20261122T154659Z-3f9a/manifest.zst");
}

TEST(Layout, AClustersNameIsWhatTheConfigurationTakes) {
  for (const char* name : {"main", "shop.prod-2", "_x"}) {
    EXPECT_TRUE(check_cluster_name(name).ok()) << name;
  }
  for (const std::string& name :
       {std::string(), std::string(".."), std::string("-x"), std::string("a/b"),
        std::string(65, 'a'), std::string("events"), std::string("packs"), std::string("wal")}) {
    EXPECT_FALSE(check_cluster_name(name).ok()) << name;
  }
}

TEST(Layout, WhatPagesAndRecordsHoldIsForTheRecipientsAlone) {
  for (const std::string name :
       {"wal/00000001/0000000A/000000010000000A000000FE.zst",
        "wal/00000001/0000000A/000000010000000A000000FE.partial.zst", "packs/ab/abcd.zst"}) {
    EXPECT_EQ(protection_of(store::ObjectKey(kRoot + name)), repo::Protection::kData) << name;
  }
}

TEST(Layout, WhatSaysWhereTheyLieIsForTheHostToo) {
  for (const std::string name :
       {"wal/00000001/0000000A/000000010000000A000000FE.index.zst",
        "wal/00000001/0000000A/000000010000000A000000FE.00000028.backup.zst",
        "wal/00000002/00000002.history.zst", "maps/ab/abcd.zst", "backups/ID/manifest.zst"}) {
    EXPECT_EQ(protection_of(store::ObjectKey(kRoot + name)), repo::Protection::kMetadata) << name;
  }
}

TEST(Layout, WhatIsListedNeedsNoKey) {
  for (const std::string name :
       {"walkback.json", "keys/age1qq.json", "keys/age1qq.gpg",
        "clusters/main/events/ID.begin.json", "clusters/main/7312/backups/ID/summary.json",
        "clusters/main/7312/lineage.json"}) {
    EXPECT_EQ(protection_of(store::ObjectKey(name)), repo::Protection::kPlain) << name;
  }
}

}  // namespace
}  // namespace walkback::catalog
