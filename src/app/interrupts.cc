#include "app/interrupts.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "base/check.h"
#include "cli/errors.h"
#include "cli/exit_status.h"

namespace walkback::app {

namespace {

constexpr char kSignalled = 's';
constexpr char kOver = 'o';

// What a signal handler may touch: one int and write(2). request_stop() takes locks, so a thread
// calls it.
volatile std::sig_atomic_t signal_pipe = -1;

void on_signal(int) {
  int saved = errno;
  [[maybe_unused]] ssize_t written = write(signal_pipe, &kSignalled, 1);
  errno = saved;
}

void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = on_signal;
  // SA_RESETHAND: the second one kills. Children get the default again with exec(2).
  action.sa_flags = static_cast<int>(SA_RESTART | SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  CHECK(sigaction(signal, &action, nullptr) == 0);
}

[[noreturn]] void end_now() {
  std::string text = "\n" + cli::error_lines(cli::interrupted());
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
  _exit(static_cast<int>(cli::ExitStatus::kInterrupted));
}

}  // namespace

std::stop_token Interrupts::watch(cli::OnInterrupt mode) {
  CHECK(!watcher_.joinable());
  CHECK(pipe2(pipe_, O_CLOEXEC) == 0);
  signal_pipe = pipe_[1];
  watcher_ = std::thread([this, mode] { wait_for_signal(mode); });
  handle(SIGINT);
  handle(SIGTERM);
  return source_.get_token();
}

void Interrupts::wait_for_signal(cli::OnInterrupt mode) {
  char what = kOver;
  ssize_t got;
  do {
    got = read(pipe_[0], &what, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1 || what != kSignalled) return;
  if (mode == cli::OnInterrupt::kEnd) end_now();
  source_.request_stop();
}

Interrupts::~Interrupts() {
  if (!watcher_.joinable()) return;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  [[maybe_unused]] ssize_t written = write(pipe_[1], &kOver, 1);
  watcher_.join();
  close(pipe_[0]);
  close(pipe_[1]);
}

}  // namespace walkback::app
