#include "restore/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/start_process.h"

namespace walkback::restore {

namespace {

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (;;) {
    ssize_t got = read(fd, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

// Whether there is something to read within a moment.
bool is_readable(int fd) {
  pollfd waits{fd, POLLIN, 0};
  return poll(&waits, 1, 100) > 0;
}

// Its output is appended to the file.
Result<pid_t> start_logging(ProcessStart start, const std::string& log_file) {
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return errno_error(errno, "opening " + log_file);
  start.output = start.errors = log;
  start.group = ProcessGroup::kOwnSession;
  Result<pid_t> process = start_process(start);
  close(log);
  return process;
}

}  // namespace

Result<std::string> output_of(const CommandLine& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  const Result<pid_t> pid =
      start_process({.command = command, .output = ends[1], .errors = STDERR_FILENO});
  close(ends[1]);
  std::string output = pid.ok() ? read_all(ends[0]) : std::string();
  close(ends[0]);
  TRY(pid);
  if (wait_for_process(*pid) != 0)
    return make_error(ErrorKind::kIo, fmt::format("{} failed", command[0]));
  return output;
}

Result<pid_t> start_detached(const CommandLine& command, const std::string& log_file) {
  return start_logging({.command = command}, log_file);
}

Result<pid_t> start_tied(const CommandLine& command, const std::string& log_file) {
  return start_logging({.command = command, .signal_at_our_end = SIGQUIT}, log_file);
}

Result<pid_t> start_with_input(const CommandLine& command, int input) {
  return start_process({.command = command, .input = input, .group = ProcessGroup::kOwnSession});
}

Result<Finished> run_to_end(const CommandLine& command, const std::stop_token& stop) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  const Result<pid_t> pid =
      start_process({.command = command, .output = ends[1], .errors = ends[1]});
  close(ends[1]);
  Finished finished;
  bool asked_to_end = false;
  while (pid.ok()) {
    if (stop.stop_requested() && !asked_to_end) asked_to_end = kill(*pid, SIGTERM) == 0;
    if (!is_readable(ends[0])) continue;
    char buffer[4096];
    const ssize_t got = read(ends[0], buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    finished.output.append(buffer, static_cast<size_t>(got));
  }
  close(ends[0]);
  TRY(pid);
  const int status = wait_for_process(*pid);
  if (asked_to_end) return make_error(ErrorKind::kCancelled, command[0] + " was interrupted");
  finished.exit_status = exit_status_of(status);
  return finished;
}

}  // namespace walkback::restore
