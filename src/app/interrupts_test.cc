#include "app/interrupts.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace walkback::app {
namespace {

using namespace std::chrono_literals;

bool stops_soon(const std::stop_token& token) {
  for (int i = 0; i < 500 && !token.stop_requested(); ++i) std::this_thread::sleep_for(10ms);
  return token.stop_requested();
}

TEST(Interrupts, ASignalAsksToStop) {
  for (int signal : {SIGINT, SIGTERM}) {
    Interrupts interrupts;
    std::stop_token token = interrupts.watch(cli::OnInterrupt::kAskToStop);
    EXPECT_FALSE(token.stop_requested());
    raise(signal);
    EXPECT_TRUE(stops_soon(token));
  }
}

TEST(Interrupts, WithoutASignalNothingStops) {
  std::stop_token token;
  {
    Interrupts interrupts;
    token = interrupts.watch(cli::OnInterrupt::kAskToStop);
  }
  EXPECT_FALSE(token.stop_requested());
}

// What the shell would see of a process that got `signals`.
int status_after(cli::OnInterrupt mode, int signals) {
  pid_t child = fork();
  if (child == 0) {
    close(STDERR_FILENO);
    auto* interrupts = new Interrupts;
    std::stop_token token = interrupts->watch(mode);
    for (int i = 0; i < signals; ++i) {
      raise(SIGINT);
      std::this_thread::sleep_for(50ms);
    }
    std::this_thread::sleep_for(5s);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

TEST(Interrupts, ACommandThatWatchesNoTokenEndsAtOnce) {
  int status = status_after(cli::OnInterrupt::kEnd, 1);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
}

TEST(Interrupts, TheSecondSignalKills) {
  int status = status_after(cli::OnInterrupt::kAskToStop, 2);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

}  // namespace
}  // namespace walkback::app
