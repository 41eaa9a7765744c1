#include "base/start_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <thread>

namespace walkback {
namespace {

std::vector<std::string> shell(const std::string& line) { return {"/bin/sh", "-c", line}; }

std::string read_to_end(int descriptor) {
  std::string text;
  std::array<char, 256> buffer{};
  ssize_t got = 0;
  while ((got = read(descriptor, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

struct Ended {
  std::string output;
  int status = 0;
};

// With its standard output read here.
Ended run(ProcessStart start) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  start.output = ends[1];
  const Result<pid_t> process = start_process(start);
  close(ends[1]);
  EXPECT_TRUE(process.ok());
  const std::string output = read_to_end(ends[0]);
  close(ends[0]);
  return {output, process.ok() ? exit_status_of(wait_for_process(*process)) : -1};
}

// Once by each of the two ways there are.
class StartProcess : public testing::TestWithParam<int> {
 protected:
  ProcessStart of(const std::string& line) {
    return {.command = shell(line), .signal_at_our_end = GetParam()};
  }
};

TEST_P(StartProcess, ItsStatusAndOutputComeBack) {
  const Ended ended = run(of("echo out; echo lost >&2; exit 7"));
  EXPECT_EQ(ended.output, "out\n");
  EXPECT_EQ(ended.status, 7);
  EXPECT_EQ(run(of("kill -9 $$")).status, 128 + SIGKILL);
}

TEST_P(StartProcess, VariablesStandBesideOurs) {
  ProcessStart start = of("echo \"$ALERT_LEVEL ${PATH:+path}\"");
  start.variables = {{"ALERT_LEVEL", "critical"}};
  EXPECT_EQ(run(start).output, "critical path\n");
}

TEST_P(StartProcess, ItHasNoDescriptorsOfOursAndReadsNothing) {
  const int ours = open("/dev/null", O_RDONLY);
  ASSERT_EQ(dup2(ours, 200), 200);
  EXPECT_EQ(run(of("cat; [ -e /proc/self/fd/200 ] || echo none")).output, "none\n");
  close(200);
  close(ours);
}

TEST_P(StartProcess, NoSignalIsIgnoredOrBlocked) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(run(of("kill -PIPE $$; echo alive")).output, "");
  signal(SIGPIPE, before);
}

TEST_P(StartProcess, AGroupOrASessionOfItsOwn) {
  const std::string ask =
      "set -- $(cat /proc/$$/stat); [ $5 = $$ ] && echo group; [ $6 = $$ ] && echo session";
  ProcessStart start = of(ask);
  EXPECT_EQ(run(start).output, "");
  start.group = ProcessGroup::kOwn;
  EXPECT_EQ(run(start).output, "group\n");
  start.group = ProcessGroup::kOwnSession;
  EXPECT_EQ(run(start).output, "group\nsession\n");
}

INSTANTIATE_TEST_SUITE_P(Ways, StartProcess, testing::Values(0, SIGTERM));

TEST(StartProcess, WhatIsNoProgramIsAnError) {
  EXPECT_FALSE(start_process({.command = {"/nowhere/program"}}).ok());
}

// Of one that a thread of its own started, once that has done the rest.
int status_after_thread(const std::string& line, int output, const std::function<void()>& rest) {
  pid_t process = 0;
  std::thread([&] {
    process =
        start_process({.command = shell(line), .output = output, .signal_at_our_end = SIGQUIT})
            .value();
    rest();
  }).join();
  return exit_status_of(wait_for_process(process));
}

TEST(StartProcess, ItIsToldWhenTheThreadThatStartedItEnds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  char letter = 0;
  const auto runs = [&] { EXPECT_EQ(read(ends[0], &letter, 1), 1); };
  EXPECT_EQ(status_after_thread("echo; exec sleep 60", ends[1], runs), 128 + SIGQUIT);
  for (const int end : ends) close(end);
}

// The thread may be gone before the process could ask to be told.
TEST(StartProcess, HoweverSoonTheThreadEnds) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_THAT(status_after_thread("exec sleep 60", ProcessStart::kNothing, [] {}),
                testing::AnyOf(1, 128 + SIGQUIT));
  }
}

}  // namespace
}  // namespace walkback
