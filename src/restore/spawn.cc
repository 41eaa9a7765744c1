#include "restore/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace walkback::restore {

namespace {

// What the child is given, and what becomes of it, in the forms posix_spawn wants.
class Spawn {
 public:
  Spawn() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    flags_ = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  void input_from(int fd) { posix_spawn_file_actions_adddup2(&actions_, fd, STDIN_FILENO); }
  void no_output() {
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
      posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_WRONLY, 0);
    }
  }
  void own_session() { flags_ |= POSIX_SPAWN_SETSID; }
  void output_to(int fd) { posix_spawn_file_actions_adddup2(&actions_, fd, STDOUT_FILENO); }
  void errors_to_output() {
    posix_spawn_file_actions_adddup2(&actions_, STDOUT_FILENO, STDERR_FILENO);
  }

  Result<pid_t> run(const CommandLine& command) {
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_setflags(&attributes_, flags_);
    CommandLine copy = command;
    std::vector<char*> arguments;
    for (std::string& argument : copy) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    int error = posix_spawn(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environ);
    if (error != 0) return errno_error(error, "starting " + command[0]);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  short flags_ = 0;
};

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

int wait_for(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Whether there is something to read within a moment.
bool is_readable(int fd) {
  pollfd waits{fd, POLLIN, 0};
  return poll(&waits, 1, 100) > 0;
}

// In the child, between fork() and exec(): nothing but system calls.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  // It may have ended before that.
  if (getppid() != parent) _exit(1);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  execv(arguments[0], arguments);
  constexpr std::string_view kFailed = "FATAL:  the program cannot be run\n";
  (void)!write(STDERR_FILENO, kFailed.data(), kFailed.size());
  _exit(127);
}

}  // namespace

Result<std::string> output_of(const CommandLine& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  Spawn spawn;
  spawn.output_to(ends[1]);
  Result<pid_t> pid = spawn.run(command);
  close(ends[1]);
  std::string output = pid.ok() ? read_all(ends[0]) : std::string();
  close(ends[0]);
  TRY(pid);
  if (wait_for(*pid) != 0) return make_error(ErrorKind::kIo, fmt::format("{} failed", command[0]));
  return output;
}

Result<pid_t> start_detached(const CommandLine& command, const std::string& log_file) {
  int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return errno_error(errno, "opening " + log_file);
  Spawn spawn;
  spawn.own_session();
  spawn.output_to(log);
  spawn.errors_to_output();
  Result<pid_t> pid = spawn.run(command);
  close(log);
  return pid;
}

Result<pid_t> start_tied(const CommandLine& command, const std::string& log_file) {
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return errno_error(errno, "opening " + log_file);
  CommandLine copy = command;
  std::vector<char*> arguments;
  for (std::string& argument : copy) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  // posix_spawn(3) has no word for it.
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(arguments.data(), log, parent);
  const int problem = errno;
  close(log);
  if (pid < 0) return errno_error(problem, "starting " + command[0]);
  return pid;
}

Result<pid_t> start_with_input(const CommandLine& command, int input) {
  Spawn spawn;
  spawn.own_session();
  spawn.input_from(input);
  spawn.no_output();
  return spawn.run(command);
}

Result<Finished> run_to_end(const CommandLine& command, const std::stop_token& stop) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  Spawn spawn;
  spawn.output_to(ends[1]);
  spawn.errors_to_output();
  const Result<pid_t> pid = spawn.run(command);
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
  const int status = wait_for(*pid);
  if (asked_to_end) return make_error(ErrorKind::kCancelled, command[0] + " was interrupted");
  finished.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace walkback::restore
