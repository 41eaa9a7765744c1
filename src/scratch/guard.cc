#include "scratch/guard.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "restore/spawn.h"
#include "scratch/leftovers.h"

namespace walkback::scratch {

namespace {

constexpr char kLetGo = 'g';

}  // namespace

Result<std::unique_ptr<Guard>> Guard::start(const std::string& program, const std::string& root) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  const Result<pid_t> process = restore::start_with_input({program, kGuardCommand, root}, ends[0]);
  close(ends[0]);
  if (!process.ok()) {
    close(ends[1]);
    return process.error();
  }
  return std::unique_ptr<Guard>(new Guard(ends[1], *process));
}

Guard::~Guard() { end(); }

void Guard::let_go() {
  if (pipe_ < 0) return;
  (void)!write(pipe_, &kLetGo, 1);
  end();
}

// It is reaped, so that it is gone when we say that nothing is left.
void Guard::end() {
  if (pipe_ < 0) return;
  close(std::exchange(pipe_, -1));
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

int run_guard(int input, const std::string& root, FileSystem& files, Clock& clock) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) signal(number, SIG_IGN);
  char byte = 0;
  ssize_t got = 0;
  do {
    got = read(input, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got > 0) return 0;
  return clean_up(files, root, clock).ok() ? 0 : 1;
}

}  // namespace walkback::scratch
