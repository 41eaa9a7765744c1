#include "pgconn/testing/run_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace walkback::pgconn::testing {

namespace {

struct Owner {
  uid_t uid;
  gid_t gid;
  std::vector<gid_t> groups;
};

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Nobody to become when this is not root.
std::optional<Owner> owner() {
  if (geteuid() != 0) return std::nullopt;
  const passwd* entry = getpwnam("postgres");
  if (entry == nullptr) throw std::runtime_error("there is no user postgres to run PostgreSQL as");
  Owner result{entry->pw_uid, entry->pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(result.groups.size());
  if (getgrouplist("postgres", result.gid, result.groups.data(), &count) < 0) count = 1;
  result.groups.resize(static_cast<size_t>(count));
  return result;
}

bool become(const std::optional<Owner>& who) {
  if (!who) return true;
  return setgroups(who->groups.size(), who->groups.data()) == 0 && setgid(who->gid) == 0 &&
         setuid(who->uid) == 0;
}

std::vector<char*> argument_pointers(Arguments& arguments) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the child: nothing but system calls between fork and exec.
[[noreturn]] void run_child(const std::optional<Owner>& who, const std::vector<char*>& arguments,
                            int output) {
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  close_range(3, ~0u, 0);
  if (!become(who) || chdir("/") != 0) _exit(126);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) throw_errno("waitpid");
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ProcessOutcome run_as_owner(const Arguments& arguments) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw_errno("pipe2");
  std::optional<Owner> who = owner();
  Arguments copy = arguments;
  std::vector<char*> pointers = argument_pointers(copy);
  pid_t pid = fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) run_child(who, pointers, pipe_ends[1]);
  close(pipe_ends[1]);
  ProcessOutcome outcome;
  char buffer[4096];
  ssize_t got = 0;
  while ((got = read(pipe_ends[0], buffer, sizeof(buffer))) > 0) {
    outcome.output.append(buffer, static_cast<size_t>(got));
  }
  close(pipe_ends[0]);
  outcome.exit_status = wait_for(pid);
  return outcome;
}

std::string run_as_owner_or_throw(const Arguments& arguments) {
  ProcessOutcome outcome = run_as_owner(arguments);
  if (outcome.exit_status != 0) {
    throw std::runtime_error(arguments[0] + " exited with " + std::to_string(outcome.exit_status) +
                             ": " + outcome.output);
  }
  return outcome.output;
}

pid_t start_as_owner(const Arguments& arguments, const std::string& log_file) {
  int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) throw_errno(log_file);
  std::optional<Owner> who = owner();
  Arguments copy = arguments;
  std::vector<char*> pointers = argument_pointers(copy);
  pid_t pid = fork();
  if (pid < 0) throw_errno("fork");
  if (pid == 0) {
    setsid();
    // Changing the user clears this, so it comes after; PostgreSQL's SIGQUIT is an immediate
    // shutdown.
    if (!become(who) || prctl(PR_SET_PDEATHSIG, SIGQUIT) != 0) _exit(126);
    run_child(std::nullopt, pointers, log);
  }
  close(log);
  return pid;
}

void become_owner() {
  std::optional<Owner> who = owner();
  if (!who) return;
  if (!become(who) || chdir("/") != 0) throw_errno("becoming postgres");
  // A process that changed its user may not be traced, and LeakSanitizer works by tracing.
  prctl(PR_SET_DUMPABLE, 1);
  setenv("HOME", "/tmp", 1);
}

ScratchDirectory::ScratchDirectory() : path_("/tmp/walkback-test-XXXXXX") {
  if (mkdtemp(path_.data()) == nullptr) throw_errno("mkdtemp");
  std::optional<Owner> who = owner();
  if (who && chown(path_.c_str(), who->uid, who->gid) != 0) throw_errno("chown " + path_);
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace walkback::pgconn::testing
