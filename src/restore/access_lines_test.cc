#include "restore/access_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "pgconn/testing/run_process.h"

namespace walkback::restore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AccessLines : public ::testing::Test {
 protected:
  void has(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(scratch_ / name).parent_path());
    std::ofstream(scratch_ / name) << text;
  }
  // The numbers of the lines that cannot stay.
  std::vector<size_t> unreadable(const std::vector<std::string>& lines, int major = 16) {
    std::vector<size_t> indexes;
    for (const UnreadableLine& line :
         unreadable_access_lines(system_files(), scratch_.path(), "pg_hba.conf", lines, major)) {
      indexes.push_back(line.index);
      why_ = line.why;
    }
    return indexes;
  }

  pgconn::testing::ScratchDirectory scratch_;
  std::string why_;
};

TEST_F(AccessLines, WhatIsNotHereIsNotIncluded) {
  has("here.conf", "local all all peer\n");
  EXPECT_THAT(unreadable({"include here.conf", "include_if_exists gone.conf",
                          "include /etc/nowhere/more.conf", "local all all peer"}),
              ElementsAre(2));
  EXPECT_THAT(why_, HasSubstr("/etc/nowhere/more.conf is not on this host"));
}

TEST_F(AccessLines, AnIncludeCountsWithAllThatItIncludes) {
  has("conf.d/a.conf", "include b.list\n");
  EXPECT_THAT(unreadable({"include_dir conf.d"}), ElementsAre(0));
  has("conf.d/b.list", "# nothing\n");
  EXPECT_THAT(unreadable({"include_dir conf.d"}), IsEmpty()) << "relative to the file that says it";
  has("loop.conf", "include loop.conf\n");
  EXPECT_THAT(unreadable({"include loop.conf"}), ElementsAre(0));
}

TEST_F(AccessLines, Until15IncludeIsNoWordAndNamesComeFromFilesInEveryVersion) {
  EXPECT_THAT(unreadable({"include gone.conf"}, 15), IsEmpty());
  has("admins", "alice\n");
  EXPECT_THAT(unreadable({"local all @admins peer", "local all bob,@gone peer",
                          "local all \"@gone\" peer # @gone", "# include gone"},
                         13),
              ElementsAre(1));
}

TEST_F(AccessLines, ALineThatGoesOnIsOneLine) {
  EXPECT_THAT(unreadable({"local all \\", "@gone peer", "local all all peer"}, 14),
              ElementsAre(0, 1));
}

}  // namespace
}  // namespace walkback::restore
