#include "restore/preload_libraries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pgconn/testing/scratch_cluster.h"

namespace walkback::restore {
namespace {

using ::testing::ElementsAre;

class PreloadLibraries : public ::testing::Test {
 protected:
  void library(const std::string& name, const std::vector<std::string>& symbols) {
    std::filesystem::create_directories(std::filesystem::path(scratch_ / name).parent_path());
    std::ofstream file(scratch_ / name);
    file << "\x7f"
            "ELF";
    for (const std::string& symbol : symbols) file << '\0' << symbol;
    file << '\0';
  }
  LibraryFate judge(std::string_view name) {
    return judge_shared_library(system_files(), name, paths_);
  }

  pgconn::testing::ScratchDirectory scratch_;
  LibraryPaths paths_{scratch_.path()};
};

TEST_F(PreloadLibraries, OneThatStartsAWorkerIsLeftOut) {
  library("pg_cron.so", {"palloc", "RegisterBackgroundWorker"});
  library("pg_stat_statements.so", {"palloc", "RegisterDynamicBackgroundWorker"});
  EXPECT_EQ(judge("pg_cron"), LibraryFate::kActsByItself);
  EXPECT_EQ(judge("$libdir/pg_cron"), LibraryFate::kActsByItself);
  EXPECT_EQ(judge("pg_stat_statements"), LibraryFate::kLoaded);
}

TEST_F(PreloadLibraries, OneWhoseWalMustBeReplayedIsLoadedWhateverItStarts) {
  library("table_method.so", {"RegisterBackgroundWorker", "RegisterCustomRmgr"});
  EXPECT_EQ(judge("table_method"), LibraryFate::kLoaded);
}

TEST_F(PreloadLibraries, HarmlessWorkersAreKnownByName) {
  library("timescaledb.so", {"RegisterBackgroundWorker"});
  EXPECT_EQ(judge("timescaledb"), LibraryFate::kLoaded);
  EXPECT_EQ(judge("timescaledb.so"), LibraryFate::kLoaded);
}

TEST_F(PreloadLibraries, OneThatIsNotHereIsMissing) {
  EXPECT_EQ(judge("nowhere"), LibraryFate::kMissing);
  EXPECT_EQ(judge("/no/such/library.so"), LibraryFate::kMissing);
  library("there.so", {});
  paths_.library_directory.clear();
  EXPECT_EQ(judge("there"), LibraryFate::kMissing) << "nobody knows where libraries are";
}

TEST_F(PreloadLibraries, TheSearchPathOfTheClusterIsFollowed) {
  library("more/extra.so", {});
  EXPECT_EQ(judge("extra"), LibraryFate::kMissing);
  paths_.dynamic_library_path = "$libdir:" + (scratch_ / "more");
  EXPECT_EQ(judge("extra"), LibraryFate::kLoaded);
}

TEST_F(PreloadLibraries, LocalOnesLieInPlugins) {
  library("plugins/local.so", {});
  EXPECT_TRUE(session_library_is_here(system_files(), "local", paths_, /*plugins=*/true));
  EXPECT_FALSE(session_library_is_here(system_files(), "local", paths_, /*plugins=*/false));
}

// Debian's own, as they are.
TEST(RealLibraries, ContribIsJudgedRightly) {
  const LibraryPaths paths{pgconn::testing::ScratchCluster::binaries() + "/../lib"};
  EXPECT_EQ(judge_shared_library(system_files(), "pg_stat_statements", paths),
            LibraryFate::kLoaded);
  EXPECT_EQ(judge_shared_library(system_files(), "auto_explain", paths), LibraryFate::kLoaded);
  EXPECT_EQ(judge_shared_library(system_files(), "pg_prewarm", paths), LibraryFate::kLoaded);
}

TEST(LibraryList, IsSplitAsPostgresqlDoes) {
  EXPECT_THAT(split_library_list(" a,b , \"c d\",\"e,f\",, "), ElementsAre("a", "b", "c d", "e,f"));
  EXPECT_EQ(join_library_list({"a", "e,f"}), "\"a\", \"e,f\"");
  EXPECT_EQ(join_library_list({}), "");
}

}  // namespace
}  // namespace walkback::restore
