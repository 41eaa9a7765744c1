#include "backup/links.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backup/data_directory_walk.h"
#include "base/testing/simulated_files.h"
#include "pg/testing/saved_control_file.h"

namespace walkback::backup {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Notes final : public Progress {
 public:
  void begin(std::string_view, uint64_t) override {}
  void add_bytes(uint64_t) override {}
  void detail(std::string_view) override {}
  void note(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class LinksTest : public ::testing::Test {
 protected:
  LinksTest() {
    for (const char* directory :
         {"/pg/global", "/pg/base/5", "/pg/pg_xact", "/pg/pg_tblspc", "/pg/pg_multixact/members",
          "/else/where", "/ts/PG_15_202209061/5"}) {
      EXPECT_TRUE(make_directories(files_, directory, 0700).ok());
    }
    EXPECT_TRUE(files_.make_symlink("/ts", "/pg/pg_tblspc/16390").ok());
    write("/pg/base/5/1259");
    write("/else/file");
  }
  void write(const std::string& path) {
    EXPECT_TRUE(replace_file(files_, path, as_bytes("x"), 0600).ok());
  }
  void link(const std::string& name, const std::string& target = "/else/where") {
    EXPECT_TRUE(files_.make_symlink(target, "/pg/" + name).ok());
  }
  // Empty: nothing stands against a backup.
  std::string refusal() {
    const Result<void> looked =
        refuse_linked_directories(files_, "/pg", pg::version_of_catalog(202209061).value());
    if (looked.ok()) return "";
    EXPECT_EQ(looked.error().kind, ErrorKind::kUnsupported);
    return looked.error().message + " | " + looked.error().hint;
  }
  // All that a backup would copy; on failure the error's message.
  std::vector<std::string> walked() {
    DataDirectoryWalk walk(
        files_, "/pg", control(),
        [](const catalog::ManifestDirectory&) -> Result<void> { return success(); }, notes_);
    std::vector<std::string> names;
    for (;;) {
      const auto file = walk.next();
      if (!file.ok()) return {file.error().message};
      if (!*file) return names;
      names.push_back((*file)->name);
    }
  }
  static pg::ControlFile control() {
    return pg::parse_control_file(pg::saved_control_file(WALKBACK_PG_TESTDATA)).value();
  }

  SimulatedFiles files_{1};
  Notes notes_;
};

TEST_F(LinksTest, NothingStandsAgainstAnOrdinaryCluster) {
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(walked(), ElementsAre("base/5/1259"));
}

TEST_F(LinksTest, ADirectoryOfPostgresqlsBehindALinkIsRefusedBeforeAnythingIsCopied) {
  for (const std::string name : {"base/16384", "pg_commit_ts", "pg_multixact/offsets", "pg_logical",
                                 "pg_tblspc/16390/PG_15_202209061/16385"}) {
    link(name);
    EXPECT_THAT(refusal(), AllOf(HasSubstr(name), HasSubstr("/else/where"),
                                 HasSubstr("mount it at /pg/" + name)));
    EXPECT_TRUE(files_.remove("/pg/" + name).ok());
  }
  EXPECT_EQ(refusal(), "");
}

TEST_F(LinksTest, TheTablespacesThemselvesMayNotLieBehindOne) {
  EXPECT_TRUE(files_.remove("/pg/pg_tblspc/16390").ok());
  EXPECT_TRUE(files_.remove("/pg/pg_tblspc").ok());
  link("pg_tblspc");
  EXPECT_THAT(refusal(), HasSubstr("pg_tblspc in the data directory is a symbolic link"));
}

TEST_F(LinksTest, TheWalkRefusesWhatLiesDeeper) {
  link("base/5/16384");
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(walked(), ElementsAre(HasSubstr("base/5/16384 in the data directory")));
}

TEST_F(LinksTest, ALinkThatLeadsNowhereIsRefusedOnlyWherePostgresqlHasItsFiles) {
  link("old_notes", "/nowhere");
  EXPECT_EQ(refusal(), "");
  link("pg_xact/0000", "/nowhere");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("pg_xact/0000"), HasSubstr("/nowhere, which is not")));
}

TEST_F(LinksTest, WhatIsNotPostgresqlsIsLeftOutWithANote) {
  link("log");
  link("pg_log");
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(walked(), ElementsAre("base/5/1259"));
  EXPECT_THAT(notes_.lines, ElementsAre("left out: log is a symbolic link to /else/where",
                                        "left out: pg_log is a symbolic link to /else/where"));
}

TEST_F(LinksTest, ALinkToAFileIsTakenAsTheFile) {
  link("server.crt", "/else/file");
  link("base/5/16384", "/else/file");
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(walked(), testing::UnorderedElementsAre("server.crt", "base/5/1259", "base/5/16384"));
  EXPECT_THAT(notes_.lines, IsEmpty());
}

TEST_F(LinksTest, DirectoriesThatAreKeptEmptyMayLieAnywhere) {
  link("pg_wal");
  link("pg_stat_tmp");
  EXPECT_EQ(refusal(), "");
  EXPECT_THAT(walked(), ElementsAre("base/5/1259"));
  EXPECT_THAT(notes_.lines, IsEmpty());
}

}  // namespace
}  // namespace walkback::backup
