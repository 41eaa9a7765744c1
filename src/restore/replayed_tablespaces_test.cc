#include "restore/replayed_tablespaces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::restore {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A plan whose WAL makes tablespaces, and the host it is to be replayed on.
class ReplayedTablespaces : public ::testing::Test {
 protected:
  ReplayedTablespaces() { fs::create_directories(live_ + "/pg_tblspc"); }

  void wal_creates(uint32_t oid, const std::string& location) {
    plan_.replayed_tablespaces.push_back({oid, location, {0x4000000}});
  }
  // The checks of a recovery, and what it makes. "" or "message | hint".
  std::string recover(const std::vector<TablespaceMapping>& mappings = {}) {
    const auto done = [&]() -> Result<void> {
      layout_ = TRY(lay_out_target(scratch_ / "copy", plan_.tablespaces, mappings,
                                   replayed_locations(plan_)));
      const TargetNeed need{1, std::vector<uint64_t>(layout_.tablespaces.size())};
      TRY(check_target(system_files(), layout_, need, {.live_pgdata = live_, .repositories = {}}));
      TRY(check_replayed_tablespaces(system_files(), plan_, layout_));
      return make_replayed_tablespaces(system_files(), layout_);
    }();
    return done.ok() ? "" : done.error().message + " | " + done.error().hint;
  }

  pgconn::testing::ScratchDirectory scratch_;
  const std::string live_ = scratch_ / "live";
  const std::string gone_ = scratch_ / "srv/gone";
  const std::string place_ = scratch_ / "copy.tablespaces/16500";
  RecoveryPlan plan_;
  TargetLayout layout_;
};

TEST_F(ReplayedTablespaces, ADirectoryThatIsMissingIsAskedForBeforeAnythingIsCopied) {
  wal_creates(16500, gone_);
  wal_creates(16501, gone_);  // dropped, and made again
  EXPECT_THAT(recover(), AllOf(HasSubstr(gone_ + " (at 0/4000000) | "),
                               HasSubstr("add --tablespace " + gone_ + "=" + place_ + ":")));
  EXPECT_FALSE(fs::exists(scratch_ / "srv"));
}

TEST_F(ReplayedTablespaces, AMappedOneIsReachedByALink) {
  wal_creates(16500, gone_);
  EXPECT_EQ(recover({{gone_, place_}}), "");
  EXPECT_EQ(fs::read_symlink(gone_), place_);
  EXPECT_TRUE(fs::is_directory(gone_));
  EXPECT_EQ(recover({{gone_, place_}}), "") << "the link of an earlier try, or the user's own";
  EXPECT_THAT(recover({{gone_, scratch_ / "elsewhere"}}), HasSubstr("exists on this host"));
}

TEST_F(ReplayedTablespaces, WhatIsOnThisHostIsSomebodys) {
  fs::create_directories(gone_ + "/PG_15_202209061");
  wal_creates(16500, gone_);
  EXPECT_THAT(recover(), HasSubstr("a directory that exists on this host: " + gone_));
  EXPECT_THAT(recover({{gone_, place_}}), HasSubstr("exists on this host"));
  EXPECT_THAT(recover({{gone_, gone_}}), HasSubstr("is not empty"));
}

TEST_F(ReplayedTablespaces, AnEmptyDirectoryIsTakenWhenItIsGiven) {
  fs::create_directories(gone_);
  wal_creates(16500, gone_);
  EXPECT_THAT(recover(), HasSubstr("exists on this host"));
  EXPECT_EQ(recover({{gone_, gone_}}), "");
  EXPECT_FALSE(fs::is_symlink(gone_));
}

// Its disk is not mounted: the live server would find the copy's files there.
TEST_F(ReplayedTablespaces, ALiveTablespaceIsNoPlaceForALinkThoughItIsNotThere) {
  fs::create_directory_symlink(gone_, live_ + "/pg_tblspc/16500");
  wal_creates(16500, gone_);
  EXPECT_THAT(recover({{gone_, place_}}), HasSubstr("tablespace 16500 of the live cluster"));
  EXPECT_FALSE(fs::is_symlink(gone_));
}

TEST_F(ReplayedTablespaces, ALinkWithinTheLiveClusterIsRefused) {
  wal_creates(16500, live_ + "/inside");
  EXPECT_THAT(recover({{live_ + "/inside", place_}}), HasSubstr("lies inside the live cluster"));
}

TEST_F(ReplayedTablespaces, OneThatWasMadeDuringTheBackupHasOnePlace) {
  plan_.tablespaces = {{16500, gone_}};
  wal_creates(16500, gone_);
  EXPECT_EQ(recover({{gone_, place_}}), "");
  EXPECT_EQ(layout_.tablespaces.at(0).location, place_);
}

TEST_F(ReplayedTablespaces, OneInPlaceNeedsNothing) {
  wal_creates(16500, "");
  EXPECT_EQ(recover(), "");
}

TEST_F(ReplayedTablespaces, AMappingOfNeitherKindListsBoth) {
  plan_.tablespaces = {{1, "/srv/saved"}};
  wal_creates(16500, gone_);
  EXPECT_THAT(recover({{"/srv/x", "/srv/y"}}), AllOf(HasSubstr("/srv/saved"), HasSubstr(gone_)));
}

}  // namespace
}  // namespace walkback::restore
