#include "scratch/leftovers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/host_name.h"
#include "catalog/process_identity.h"
#include "pgconn/testing/scratch_cluster.h"
#include "scratch/place.h"

namespace walkback::scratch {
namespace {

namespace fs = std::filesystem;
using pgconn::testing::ScratchDirectory;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Notes final : public Progress {
 public:
  void begin(std::string_view, uint64_t) override {}
  void add_bytes(uint64_t) override {}
  void detail(std::string_view) override {}
  void note(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

class Leftovers : public ::testing::Test {
 protected:
  std::string root(const std::string& name) { return scratch_ / name; }

  // By a process that is gone when this returns, and had no chance to clean up.
  void made_by_the_killed(const std::string& name) {
    const pid_t maker = fork();
    if (maker == 0) {
      const bool made = Place::make(system_files(), root(name), "drill").ok();
      fs::create_directories(root(name) + "/data/base");
      _exit(made ? 0 : 1);
    }
    int status = 0;
    waitpid(maker, &status, 0);
    ASSERT_EQ(status, 0);
  }
  void marked(const std::string& name, const std::string& host, const std::string& process) {
    fs::create_directories(root(name));
    std::ofstream(root(name) + "/walkback.scratch.json")
        << R"({"purpose": "drill", "host": ")" << host << R"(", "process": ")" << process
        << R"(", "sockets": ""})";
  }
  Maker maker_of(const std::string& name) {
    return look_for_maker(system_files(), root(name)).value();
  }

  ScratchDirectory scratch_;
};

TEST_F(Leftovers, WhoMadeItIsKnownByWhatItWas) {
  made_by_the_killed("killed");
  EXPECT_EQ(maker_of("killed"), Maker::kGone);
  const auto mine = Place::make(system_files(), root("mine"), "drill");
  EXPECT_EQ(maker_of("mine"), Maker::kAlive);
  const std::string earlier = "00000000-0000-4000-8000-000000000000/pid:[4026531836]/77/1234";
  marked("before the restart", host_name(), earlier);
  EXPECT_EQ(maker_of("before the restart"), Maker::kGone);
  marked("of another host", "another", earlier);
  EXPECT_EQ(maker_of("of another host"), Maker::kUnknown);
  // This process lives, whether or not the file system can lock a directory.
  marked("alive", host_name(), catalog::this_process());
  EXPECT_EQ(maker_of("alive"), Maker::kUnknown);
  fs::create_directory(root("anybody's"));
  EXPECT_EQ(maker_of("anybody's"), Maker::kUnknown);
}

TEST_F(Leftovers, OnlyThoseOfTheDeadAreRemoved) {
  made_by_the_killed("killed");
  const auto mine = Place::make(system_files(), root("mine"), "drill");
  marked("of another host", "another", "00000000-0000-4000-8000-000000000000/x/77/1234");
  fs::create_directories(root("anybody's/data"));
  std::ofstream(root("anybody's/data/precious")) << "x";
  Notes notes;
  clean_up_leftovers(system_files(), scratch_.path(), system_clock(), notes);
  EXPECT_FALSE(fs::exists(root("killed")));
  EXPECT_TRUE(fs::exists(root("mine")));
  EXPECT_TRUE(fs::exists(root("of another host")));
  EXPECT_TRUE(fs::exists(root("anybody's/data/precious")));
  EXPECT_THAT(notes.lines, ::testing::UnorderedElementsAre(HasSubstr("removed " + root("killed")),
                                                           HasSubstr("of a drill on another")));
}

TEST_F(Leftovers, ADirectoryThatIsNotThereHasNone) {
  Notes notes;
  clean_up_leftovers(system_files(), root("nowhere"), system_clock(), notes);
  EXPECT_TRUE(notes.lines.empty());
  EXPECT_TRUE(clean_up(system_files(), root("nowhere"), system_clock()).ok());
}

TEST_F(Leftovers, WhoHasItsLockIsLeftToIt) {
  const auto mine = Place::make(system_files(), root("mine"), "drill");
  EXPECT_TRUE(clean_up(system_files(), root("mine"), system_clock()).ok());
  EXPECT_TRUE(fs::exists(root("mine")));
}

}  // namespace
}  // namespace walkback::scratch
