#include "restore/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
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

}  // namespace walkback::restore
