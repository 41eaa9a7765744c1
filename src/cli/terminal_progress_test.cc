#include "cli/terminal_progress.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/testing/manual_clock.h"
#include "cli/testing/captured_output.h"

namespace walkback::cli {
namespace {

using namespace std::chrono_literals;

class ProgressTest : public testing::Test {
 protected:
  // What was written since the last look.
  std::string shown() { return std::exchange(output_.err_text, {}); }

  CapturedOutput output_;
  ManualClock clock_;
};

TEST_F(ProgressTest, ATerminalSeesOneLineThatSaysHowFarHowFastHowLong) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 400 << 20);
  EXPECT_EQ(shown(), "\r\x1b[Kcopying files  0 B of 400.0 MiB  0 %");
  clock_.advance(1s);
  progress.add_bytes(100 << 20);
  EXPECT_EQ(shown(),
            "\r\x1b[Kcopying files  100.0 MiB of 400.0 MiB  25 %  100.0 MiB/s  3.0 s left");
}

TEST_F(ProgressTest, ATerminalIsRedrawnAtMostTenTimesASecond) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 1000);
  shown();
  int lines = 0;
  for (int i = 0; i < 1000; ++i) {
    clock_.advance(1ms);
    progress.add_bytes(1);
    if (!shown().empty()) ++lines;
  }
  EXPECT_EQ(lines, 10);
}

TEST_F(ProgressTest, TheRateIsThatOfTheLastSeconds) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 0);
  for (int i = 0; i < 60; ++i) {
    clock_.advance(1s);
    progress.add_bytes(100 << 20);
  }
  shown();
  for (int i = 0; i < 30; ++i) {
    clock_.advance(1s);
    progress.add_bytes(1 << 20);
    if (i < 29) shown();
  }
  EXPECT_EQ(shown(), "\r\x1b[Kcopying files  5.9 GiB  1.0 MiB/s");
}

TEST_F(ProgressTest, TheLineGoesAwayBeforeTheResult) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("replaying WAL", 0);
  progress.detail("at 0/3000060");
  shown();
  progress.finish();
  EXPECT_EQ(shown(), "\r\x1b[K");
  progress.finish();
  EXPECT_EQ(shown(), "");
}

TEST_F(ProgressTest, AFinishedStepLeavesItsSum) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 200);
  clock_.advance(2s);
  progress.add_bytes(200);
  shown();
  progress.begin("waiting for the archiver", 0);
  EXPECT_EQ(shown(),
            "\r\x1b[Kcopying files: 200 B in 2.0 s, 100 B/s\n\r\x1b[Kwaiting for the archiver");
}

TEST_F(ProgressTest, NotesStayAboveTheLine) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 0);
  shown();
  progress.note("2 pages fail\x1b[2J");
  EXPECT_EQ(shown(), "\r\x1b[K2 pages fail?[2J\n\r\x1b[Kcopying files");
}

TEST_F(ProgressTest, DetailsBelongToTheirStep) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("replaying WAL", 0);
  clock_.advance(1s);
  shown();
  progress.detail("at 15:46:59");
  EXPECT_EQ(shown(), "\r\x1b[Kreplaying WAL  at 15:46:59");
  progress.begin("asking the server", 0);
  EXPECT_EQ(shown(), "\r\x1b[K\r\x1b[Kasking the server");
}

TEST_F(ProgressTest, MoreThanTheTotalIsNeverMoreThanAllOfIt) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 100);
  shown();
  clock_.advance(1s);
  progress.add_bytes(300);
  EXPECT_EQ(shown(), "\r\x1b[Kcopying files  300 B of 300 B  100 %  300 B/s  0.0 s left");
}

TEST_F(ProgressTest, ALineNeverWraps) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal, 9);
  progress.begin("größe lesen und mehr", 0);
  EXPECT_EQ(shown(), "\r\x1b[Kgröße les");
}

TEST_F(ProgressTest, ALogGetsPlainLinesNowAndThen) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kPlain);
  progress.begin("copying files", 400 << 20);
  EXPECT_EQ(shown(), "copying files (400.0 MiB)\n");
  clock_.advance(4s);
  progress.add_bytes(100 << 20);
  EXPECT_EQ(shown(), "");
  clock_.advance(1s);
  progress.add_bytes(100 << 20);
  EXPECT_EQ(shown(), "copying files  200.0 MiB of 400.0 MiB  50 %  40.0 MiB/s  5.0 s left\n");
  progress.note("a note");
  EXPECT_EQ(shown(), "a note\n");
  clock_.advance(5s);
  progress.add_bytes(200 << 20);
  shown();
  progress.finish();
  EXPECT_EQ(shown(), "copying files: 400.0 MiB in 10 s, 40.0 MiB/s\n");
}

TEST_F(ProgressTest, ManyThreadsCountOneSum) {
  TerminalProgress progress(output_, clock_, ProgressStyle::kTerminal);
  progress.begin("copying files", 0);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        progress.add_bytes(1);
        clock_.advance(1ms);
        if (i % 100 == 0) progress.detail("x");
      }
    });
  }
  for (auto& thread : threads) thread.join();
  shown();
  progress.finish();
  EXPECT_EQ(shown(), "\r\x1b[Kcopying files: 3.9 KiB in 4.0 s, 1000 B/s\n");
}

}  // namespace
}  // namespace walkback::cli
