#include "wal/catalog_files.h"

#include <gmock/gmock.h>

namespace walkback::wal {
namespace {

using testing::ElementsAre;

RelationLocator file(pg::Oid number, pg::Oid database = 5) { return {1663, database, number}; }

TEST(CatalogFiles, AreThoseOfInitdbUntilTheyAreRewritten) {
  CatalogFiles catalogs;
  EXPECT_EQ(catalogs.relation_in(file(1259)), kRelationCatalog);
  EXPECT_EQ(catalogs.relation_in(file(1247)), 1247u);
  EXPECT_EQ(catalogs.relation_in(file(16500)), 0u);
  catalogs.add(5, {{1259, 16500}, {1247, 16501}, {1249, 1249}});
  EXPECT_EQ(catalogs.relation_in(file(16500)), kRelationCatalog);
  EXPECT_EQ(catalogs.relation_in(file(16500, 6)), 0u) << "another database";
  EXPECT_EQ(catalogs.relation_in(file(16501)), 1247u);
  EXPECT_THAT(catalogs.moved(),
              ElementsAre(MovedCatalog{5, 1247, 16501}, MovedCatalog{5, 1259, 16500}));
}

TEST(CatalogFiles, WhatIsSaidLaterHolds) {
  CatalogFiles catalogs({{5, 1259, 16500}, {6, 1259, 16500}});
  catalogs.add(5, {{1259, 16700}, {2662, 16701}});
  EXPECT_EQ(catalogs.relation_in(file(16500)), 0u);
  EXPECT_EQ(catalogs.relation_in(file(16700)), kRelationCatalog);
  EXPECT_EQ(catalogs.relation_in(file(16701)), kRelationOidIndex);
  catalogs.add(0, {{1262, 16800}});
  EXPECT_EQ(catalogs.relation_in(file(16800, 0)), kDatabaseCatalog);
  EXPECT_THAT(catalogs.moved(),
              ElementsAre(MovedCatalog{0, 1262, 16800}, MovedCatalog{5, 1259, 16700},
                          MovedCatalog{5, 2662, 16701}, MovedCatalog{6, 1259, 16500}));
}

}  // namespace
}  // namespace walkback::wal
