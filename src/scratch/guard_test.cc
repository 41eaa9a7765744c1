#include "scratch/guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "pgconn/testing/scratch_cluster.h"
#include "scratch/place.h"

namespace walkback::scratch {
namespace {

namespace fs = std::filesystem;
using pgconn::testing::ScratchDirectory;

// The guard's own process, on the other end of a pipe of ours.
class RunGuard : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    // A place whose maker is gone, as the guard finds it.
    ASSERT_TRUE(Place::make(system_files(), root_, "drill").ok());
    fs::create_directories(root_ + "/data/base");
    guard_ = fork();
    if (guard_ == 0) {
      close(ends_[1]);
      _exit(run_guard(ends_[0], root_, system_files(), system_clock()));
    }
    close(ends_[0]);
  }
  int exit_status() {
    int status = 0;
    waitpid(guard_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  ScratchDirectory scratch_;
  const std::string root_ = scratch_ / "drill-1";
  int ends_[2] = {-1, -1};
  pid_t guard_ = 0;
};

TEST_F(RunGuard, ADeathIsFollowedByTheRemoval) {
  EXPECT_TRUE(fs::exists(root_));
  close(ends_[1]);
  EXPECT_EQ(exit_status(), 0);
  EXPECT_FALSE(fs::exists(root_));
}

TEST_F(RunGuard, LetGoItLeavesEverythingAsItIs) {
  ASSERT_EQ(write(ends_[1], "g", 1), 1);
  close(ends_[1]);
  EXPECT_EQ(exit_status(), 0);
  EXPECT_TRUE(fs::exists(root_ + "/data/base"));
}

TEST_F(RunGuard, WhatASessionOrAServiceManagerSendsToAllDoesNotEndIt) {
  // It is deaf once it waits.
  usleep(200'000);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) kill(guard_, number);
  usleep(50'000);
  close(ends_[1]);
  EXPECT_EQ(exit_status(), 0);
  EXPECT_FALSE(fs::exists(root_));
}

TEST(Guard, AProgramThatIsNotThereGuardsNothing) {
  EXPECT_FALSE(Guard::start("/nowhere/walkback", "/nowhere/drill-1").ok());
}

}  // namespace
}  // namespace walkback::scratch
