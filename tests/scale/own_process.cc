#include "own_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace walkback {

namespace {

double peak_mib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib / 1024;
}

}  // namespace

OwnProcess in_own_process(const std::function<std::string()>& story) {
  int ends[2] = {};
  EXPECT_EQ(pipe(ends), 0);
  const auto started = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string error = story();
    const std::string said = std::to_string(peak_mib()) + " " + error;
    const bool is_said =
        write(ends[1], said.data(), said.size()) == static_cast<ssize_t>(said.size());
    _exit(is_said ? 0 : 1);
  }
  EXPECT_GT(child, 0);
  close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t got; (got = read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  OwnProcess outcome;
  outcome.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || said.empty()) {
    outcome.error = "its process ended before the story did";
    return outcome;
  }
  size_t end = 0;
  outcome.peak_mib = std::stod(said, &end);
  outcome.error = said.substr(end + 1);
  return outcome;
}

}  // namespace walkback
