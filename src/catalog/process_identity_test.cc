#include "catalog/process_identity.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

namespace walkback::catalog {
namespace {

TEST(ProcessIdentity, OneThatRunsHasNotEnded) {
  EXPECT_FALSE(has_ended_here(this_process()));
  EXPECT_TRUE(is_of_this_boot(this_process()));
  EXPECT_FALSE(has_ended_here("elsewhere"));
}

// Where process 1 of a container reaps nobody, it stays so for ever.
TEST(ProcessIdentity, OneThatNobodyReapedHasEnded) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string self = this_process();
    _exit(write(ends[1], self.data(), self.size()) < 0);
  }
  std::array<char, 256> name{};
  ASSERT_GT(read(ends[0], name.data(), name.size() - 1), 0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(has_ended_here(name.data()));
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace walkback::catalog
