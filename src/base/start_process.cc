#include "base/start_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace walkback {

namespace {

// Texts as exec wants them: pointers, a null last.
class Texts {
 public:
  explicit Texts(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  Texts(const Texts&) = delete;
  Texts& operator=(const Texts&) = delete;
  char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

std::vector<std::string> environment_with(
    const std::vector<std::pair<std::string, std::string>>& variables) {
  std::vector<std::string> texts;
  for (char** variable = environ; *variable != nullptr; ++variable) texts.emplace_back(*variable);
  for (const auto& [name, value] : variables) texts.push_back(name + "=" + value);
  return texts;
}

// Does not copy our memory, so that it works where there is none left for a copy.
class Spawn {
 public:
  Spawn() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  ~Spawn() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;

  Result<pid_t> run(const ProcessStart& start, char* const* arguments, char* const* environment) {
    set_up_signals();
    set_up_group(start.group);
    give(start.input, STDIN_FILENO, O_RDONLY);
    give(start.output, STDOUT_FILENO, O_WRONLY);
    give(start.errors, STDERR_FILENO, O_WRONLY);
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    posix_spawnattr_setflags(&attributes_, flags_);
    pid_t process = 0;
    const int problem =
        posix_spawn(&process, arguments[0], &actions_, &attributes_, arguments, environment);
    if (problem != 0) return errno_error(problem, "starting " + start.command[0]);
    return process;
  }

 private:
  void set_up_signals() {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    flags_ |= POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  }
  void set_up_group(ProcessGroup group) {
    posix_spawnattr_setpgroup(&attributes_, 0);
    if (group == ProcessGroup::kOwn) flags_ |= POSIX_SPAWN_SETPGROUP;
    if (group == ProcessGroup::kOwnSession) flags_ |= POSIX_SPAWN_SETSID;
  }
  void give(int descriptor, int as, int mode) {
    if (descriptor == ProcessStart::kNothing) {
      posix_spawn_file_actions_addopen(&actions_, as, "/dev/null", mode, 0);
    } else {
      posix_spawn_file_actions_adddup2(&actions_, descriptor, as);
    }
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  short flags_ = 0;
};

// ---- between fork() and exec(): nothing but system calls ----

void give(int descriptor, int as) {
  dup2(descriptor == ProcessStart::kNothing ? open("/dev/null", O_RDWR) : descriptor, as);
}

[[noreturn]] void become(const ProcessStart& start, char* const* arguments,
                         char* const* environment, pid_t parent, pid_t parent_thread) {
  sigset_t none;
  sigemptyset(&none);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (start.group == ProcessGroup::kOwn) setpgid(0, 0);
  if (start.group == ProcessGroup::kOwnSession) setsid();
  prctl(PR_SET_PDEATHSIG, start.signal_at_our_end);
  // The process, or only the thread, may have ended before that.
  if (getppid() != parent || tgkill(parent, parent_thread, 0) != 0) _exit(1);
  give(start.input, STDIN_FILENO);
  give(start.output, STDOUT_FILENO);
  give(start.errors, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  execve(arguments[0], arguments, environment);
  constexpr std::string_view kFailed = "FATAL:  the program cannot be run\n";
  (void)!write(STDERR_FILENO, kFailed.data(), kFailed.size());
  _exit(127);
}

}  // namespace

Result<pid_t> start_process(const ProcessStart& start) {
  const Texts arguments(start.command), environment(environment_with(start.variables));
  if (start.signal_at_our_end == 0) {
    return Spawn().run(start, arguments.get(), environment.get());
  }
  // posix_spawn(3) has no word for it.
  const pid_t parent = getpid(), thread = gettid();
  const pid_t process = fork();
  if (process == 0) become(start, arguments.get(), environment.get(), parent, thread);
  if (process < 0) return errno_error(errno, "starting " + start.command[0]);
  return process;
}

int wait_for_process(pid_t process) {
  int status = -1;
  while (waitpid(process, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int exit_status_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace walkback
