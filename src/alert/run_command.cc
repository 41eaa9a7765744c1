#include "alert/run_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/start_process.h"

namespace walkback::alert {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{10};

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

// As much as it reads. One that reads nothing is no failure: it may not care.
void feed(Descriptor& pipe, std::string_view input, Clock::time_point deadline) {
  while (!input.empty() && Clock::now() < deadline) {
    const ssize_t written = write(pipe.get(), input.data(), input.size());
    if (written > 0) {
      input.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN || errno == EINTR) {
      pollfd ready{pipe.get(), POLLOUT, 0};
      poll(&ready, 1, static_cast<int>(kBetweenLooks.count()));
      if ((ready.revents & (POLLERR | POLLHUP)) != 0) break;
    } else {
      break;  // EPIPE; SIGPIPE is ignored in this program
    }
  }
  pipe.close();
}

}  // namespace

Result<void> run_command(const std::string& command, const std::string& input,
                         const std::vector<std::pair<std::string, std::string>>& variables,
                         std::chrono::milliseconds at_most) {
  const auto deadline = Clock::now() + at_most;
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  Descriptor reading(ends[0]), writing(ends[1]);
  fcntl(writing.get(), F_SETFL, O_NONBLOCK);
  const pid_t child = TRY(start_process({.command = {"/bin/sh", "-c", command},
                                         .variables = variables,
                                         .input = reading.get(),
                                         .group = ProcessGroup::kOwn}));
  reading.close();
  feed(writing, input, deadline);
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() < deadline) {
      std::this_thread::sleep_for(kBetweenLooks);
      continue;
    }
    kill(-child, SIGKILL);
    wait_for_process(child);
    return make_error(ErrorKind::kTransient,
                      fmt::format("it did not end within {} s", at_most.count() / 1000));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return success();
  return make_error(ErrorKind::kIo, WIFEXITED(status)
                                        ? fmt::format("its exit status is {}", WEXITSTATUS(status))
                                        : fmt::format("signal {} ended it", WTERMSIG(status)));
}

}  // namespace walkback::alert
