#include "catalog/saved_catalogs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/testing/scratch_archive.h"
#include "pg/data_directory.h"

namespace walkback::catalog {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr pg::Oid kDatabase = 5;

Names names(pg::Oid class_file) {
  return {
      {{kDatabase,
        "shop",
        pg::kDefaultTablespace,
        {{11,
          "pg_catalog",
          {{wal::kRelationCatalog, "pg_class", pg::kDefaultTablespace, class_file, 'r'},
           {wal::kColumnCatalog, "pg_attribute", pg::kDefaultTablespace, wal::kColumnCatalog, 'r'},
           {wal::kDatabaseCatalog, "pg_database", pg::kGlobalTablespace, 20'002, 'r'},
           {2619, "pg_statistic", pg::kDefaultTablespace, 20'003, 'r'}}},
         {2200, "public", {{16'390, "payments", pg::kDefaultTablespace, 20'004, 'r'}}}}}},
      {}};
}

TEST(CatalogFilesOf, AreThoseOfTheCatalogThatMoved) {
  EXPECT_THAT(catalog_files_of(names(20'001)).moved(),
              ElementsAre(wal::MovedCatalog{0, wal::kDatabaseCatalog, 20'002},
                          wal::MovedCatalog{kDatabase, wal::kRelationCatalog, 20'001}));
}

class SavedCatalogsTest : public ::testing::Test {
 protected:
  BackupSummary backup(double second, pg::Oid class_file) {
    BackupSummary backup = archive_.backup(timeline_, second, second + 1);
    timeline_.insert();
    const store::ObjectKey key = archive_.wal().layout().names(backup.id);
    EXPECT_TRUE(put_names(archive_.objects(), key, names(class_file)).ok());
    return backup;
  }
  // pg_class's file; 0 where nothing is known.
  pg::Oid class_at(pg::Lsn lsn) {
    SavedCatalogs catalogs(archive_.objects(), archive_.wal().layout());
    const wal::CatalogFiles files = catalogs.at(pg::TimelineHistory(timeline_.id()), lsn);
    for (const wal::MovedCatalog& moved : files.moved()) {
      if (moved.relation == wal::kRelationCatalog) return moved.file;
    }
    return 0;
  }

  ScratchArchive archive_;
  ScratchTimeline timeline_{1};
};

TEST_F(SavedCatalogsTest, AreOfTheLastBackupBefore) {
  EXPECT_EQ(class_at(timeline_.end()), 0u);
  const pg::Lsn begin = timeline_.end();
  const BackupSummary first = backup(10, 20'001);
  const BackupSummary second = backup(20, 30'001);
  ASSERT_LT(first.start_lsn, second.start_lsn);
  EXPECT_EQ(class_at(begin), 20'001u) << "none is before";
  EXPECT_EQ(class_at(first.start_lsn), 20'001u);
  EXPECT_EQ(class_at(pg::Lsn{second.start_lsn.value - 1}), 20'001u);
  EXPECT_EQ(class_at(second.start_lsn), 30'001u);
  EXPECT_EQ(class_at(timeline_.end()), 30'001u);
}

TEST_F(SavedCatalogsTest, NamesThatCannotBeReadAreThoseOfTheBackupBefore) {
  backup(10, 20'001);
  const BackupSummary second = backup(20, 30'001);
  archive_.overwrite(archive_.wal().layout().names(second.id), "no names");
  EXPECT_EQ(class_at(timeline_.end()), 20'001u);
}

TEST_F(SavedCatalogsTest, AnotherTimelinesBackupSaysNothing) {
  backup(10, 20'001);
  SavedCatalogs catalogs(archive_.objects(), archive_.wal().layout());
  EXPECT_THAT(catalogs.at(pg::TimelineHistory({7}), timeline_.end()).moved(), IsEmpty());
}

// The indexes that are there know better: they followed the log.
TEST_F(SavedCatalogsTest, AreAskedWhereNoIndexIs) {
  backup(10, 20'001);
  timeline_.insert();
  archive_.put_all(timeline_);
  const WalArchive& wal = archive_.wal();
  const pg::SegmentName last{timeline_.id(), timeline_.segment_of_end()};
  EXPECT_THAT(wal.catalogs_at(last, {}).moved(), IsEmpty()) << "pushed where nothing had moved";
  ASSERT_TRUE(
      archive_.objects().remove(wal.layout().wal_index(last.text(wal.segment_bytes()))).ok());
  EXPECT_EQ(wal.catalogs_at(last, {}).moved(), catalog_files_of(names(20'001)).moved());
}

}  // namespace
}  // namespace walkback::catalog
