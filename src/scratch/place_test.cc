#include "scratch/place.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::scratch {
namespace {

namespace fs = std::filesystem;
using pgconn::testing::ScratchDirectory;

TEST(Place, IsTheOwnersAloneAndMarked) {
  ScratchDirectory scratch;
  const std::string root = scratch / "made/too/drill-1";
  const auto place = Place::make(system_files(), root, "drill");
  ASSERT_TRUE(place.ok()) << place.error().message;
  EXPECT_EQ(fs::status(root).permissions(), fs::perms::owner_all);
  const auto mark = read_mark(system_files(), root);
  ASSERT_TRUE(mark.ok() && *mark);
  EXPECT_EQ((*mark)->purpose, "drill");
  EXPECT_EQ((*mark)->sockets, root);
  EXPECT_EQ((*place)->data_directory(), root + "/data");
  EXPECT_EQ(system_files().lock_directory(root).value(), nullptr) << "nobody else has its lock";
  EXPECT_EQ(Place::make(system_files(), root, "drill").error().kind, ErrorKind::kConflict);
}

TEST(Place, NothingIsLeftWhenItIsRemoved) {
  ScratchDirectory scratch;
  const auto place = Place::make(system_files(), scratch / "drill-1", "drill");
  ASSERT_TRUE(place.ok());
  fs::create_directories(scratch / "drill-1/data/base/5");
  std::ofstream(scratch / "drill-1/data/base/5/1") << "x";
  ASSERT_TRUE((*place)->remove().ok());
  EXPECT_FALSE(fs::exists(scratch / "drill-1"));
}

TEST(Place, ASocketThatDoesNotFitLiesElsewhereAndGoesToo) {
  ScratchDirectory scratch;
  const std::string root = scratch / std::string(100, 'x');
  const auto place = Place::make(system_files(), root, "drill");
  ASSERT_TRUE(place.ok());
  const std::string sockets = (*place)->socket_directory();
  EXPECT_NE(sockets, root);
  EXPECT_EQ(fs::status(sockets).permissions(), fs::perms::owner_all);
  ASSERT_TRUE((*place)->remove().ok());
  EXPECT_FALSE(fs::exists(sockets));
}

TEST(Place, WhatIsKeptIsNobodysToRemove) {
  ScratchDirectory scratch;
  const auto place = Place::make(system_files(), scratch / "drill-1", "drill");
  ASSERT_TRUE(place.ok());
  ASSERT_TRUE((*place)->keep().ok());
  EXPECT_TRUE(fs::exists(scratch / "drill-1"));
  EXPECT_FALSE(read_mark(system_files(), scratch / "drill-1").value());
}

TEST(Place, AMarkThatIsNoneIsDamage) {
  ScratchDirectory scratch;
  std::ofstream(scratch / "walkback.scratch.json") << "{";
  EXPECT_EQ(read_mark(system_files(), scratch.path()).error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace walkback::scratch
