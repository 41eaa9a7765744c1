#include "agent/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace walkback::agent {

namespace {

// In the child, between fork() and exec(): nothing but system calls.
[[noreturn]] void become(char* const* arguments, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // It may have ended before that.
  if (getppid() != parent) _exit(1);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  execv(arguments[0], arguments);
  _exit(127);
}

class Child final : public Job {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() override {
    while (!ended_ && waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
    }
  }

  std::optional<int> exit_status() override {
    if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    if (!ended_) return std::nullopt;
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
  }

  // A second signal would kill it.
  void interrupt() override {
    if (!ended_ && !interrupted_) kill(pid_, SIGTERM);
    interrupted_ = true;
  }

 private:
  const pid_t pid_;
  int status_ = 0;
  bool ended_ = false, interrupted_ = false;
};

}  // namespace

Result<std::unique_ptr<Job>> start_child(const std::vector<std::string>& command) {
  std::vector<std::string> copy = command;
  std::vector<char*> arguments;
  for (std::string& argument : copy) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  // posix_spawn(3) has no word for the parent's death.
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) become(arguments.data(), parent);
  if (pid < 0) return errno_error(errno, "starting " + command[0]);
  return std::unique_ptr<Job>(std::make_unique<Child>(pid));
}

}  // namespace walkback::agent
