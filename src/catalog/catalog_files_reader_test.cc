#include "catalog/catalog_files_reader.h"

#include <gmock/gmock.h>

#include "base/testing/simulated_files.h"
#include "pg/testing/filenode_maps.h"

namespace walkback::catalog {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using wal::MovedCatalog;

class CatalogFilesReader : public testing::Test {
 protected:
  void put(const std::string& directory, const Bytes& map) {
    for (size_t slash = directory.find('/'); slash != std::string::npos;
         slash = directory.find('/', slash + 1)) {
      ASSERT_TRUE(files_.make_directory(directory.substr(0, slash), 0700).ok());
    }
    ASSERT_TRUE(files_.make_directory(directory, 0700).ok());
    const auto file = files_.create(join_path(directory, "pg_filenode.map"), 0600).value();
    ASSERT_TRUE(file->write_at(0, map).ok());
  }
  std::vector<MovedCatalog> read() {
    pg::ControlFile control;
    control.catalog_version = 202209061;
    return read_catalog_files(files_, "data", control).moved();
  }

  SimulatedFiles files_{1};
};

TEST_F(CatalogFilesReader, ReadsTheMapsOfAllDatabases) {
  put("data/global", pg::make_filenode_map({{1262, 16700}, {1260, 1260}}));
  put("data/base/5", pg::make_filenode_map({{1259, 1259}, {2662, 2662}}));
  put("data/base/16384", pg::make_filenode_map({{1259, 16710}, {1249, 1249}}));
  put("data/base/pgsql_tmp", pg::make_filenode_map({{1259, 16711}}));
  put("data/pg_tblspc/16400/PG_15_202209061/16401", pg::make_filenode_map({{1259, 16720}}));
  put("data/pg_tblspc/16400/PG_14_202107181/16402", pg::make_filenode_map({{1259, 16721}}));
  EXPECT_THAT(read(), ElementsAre(MovedCatalog{0, 1262, 16700}, MovedCatalog{16384, 1259, 16710},
                                  MovedCatalog{16401, 1259, 16720}));
}

TEST_F(CatalogFilesReader, AMapThatCannotBeReadSaysNothing) {
  EXPECT_THAT(read(), IsEmpty());
  put("data/base/5", Bytes(512));
  put("data/base/6", pg::make_filenode_map({{1259, 16710}}));
  ASSERT_TRUE(files_.make_directory("data/base/7", 0700).ok());
  EXPECT_THAT(read(), ElementsAre(MovedCatalog{6, 1259, 16710}));
}

}  // namespace
}  // namespace walkback::catalog
