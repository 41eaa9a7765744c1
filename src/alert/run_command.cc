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
#include <utility>

#include "base/start_process.h"
#include "base/utf8.h"

namespace walkback::alert {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{10};

class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return descriptor_; }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

 private:
  int descriptor_;
};

struct Pipe {
  Descriptor reading, writing;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(errno, "making a pipe");
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// The other end is the command's, and stays as it is.
void no_waiting(const Descriptor& end) { fcntl(end.get(), F_SETFL, O_NONBLOCK); }

// As much as it takes now. One that reads nothing is no failure: it may not care.
void feed(Descriptor& input, std::string_view& left) {
  while (input.get() >= 0 && !left.empty()) {
    const ssize_t written = write(input.get(), left.data(), left.size());
    if (written < 0 && errno == EAGAIN) return;
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;  // EPIPE; SIGPIPE is ignored in this program
    left.remove_prefix(static_cast<size_t>(written));
  }
  input.close();
}

// The end of what it has said so far.
void drain(const Descriptor& errors, std::string& said) {
  constexpr size_t kMost = 4096;
  std::array<char, kMost> read_now{};
  while (true) {
    const ssize_t count = read(errors.get(), read_now.data(), read_now.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    said.append(read_now.data(), static_cast<size_t>(count));
    if (said.size() > kMost) said.erase(0, said.size() - kMost);
  }
}

void wait_a_moment(const Descriptor& input, const Descriptor& errors) {
  std::array<pollfd, 2> ends{pollfd{input.get(), POLLOUT, 0}, pollfd{errors.get(), POLLIN, 0}};
  poll(ends.data(), ends.size(), static_cast<int>(kBetweenLooks.count()));
  // A closed end is always ready.
  if (((ends[0].revents | ends[1].revents) & (POLLERR | POLLHUP)) != 0) {
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

std::string last_line(std::string_view said) {
  constexpr std::string_view kSpace = " \r\n\t";
  const size_t end = said.find_last_not_of(kSpace);
  if (end == said.npos) return {};
  said = said.substr(0, end + 1);
  return escape_invalid_utf8(said.substr(said.find_last_of('\n') + 1));
}

Error failure(int status, std::string_view said) {
  std::string text = WIFEXITED(status) ? fmt::format("its exit status is {}", WEXITSTATUS(status))
                                       : fmt::format("signal {} ended it", WTERMSIG(status));
  const std::string line = last_line(said);
  if (!line.empty()) text += ": " + line;
  return make_error(ErrorKind::kIo, std::move(text));
}

}  // namespace

Result<void> run_command(const std::string& command, const std::string& input,
                         const std::vector<std::pair<std::string, std::string>>& variables,
                         std::chrono::milliseconds at_most) {
  const auto deadline = Clock::now() + at_most;
  Pipe to_it = TRY(make_pipe()), from_it = TRY(make_pipe());
  no_waiting(to_it.writing);
  no_waiting(from_it.reading);
  const pid_t child = TRY(start_process({.command = {"/bin/sh", "-c", command},
                                         .variables = variables,
                                         .input = to_it.reading.get(),
                                         .errors = from_it.writing.get(),
                                         .group = ProcessGroup::kOwn}));
  to_it.reading.close();
  from_it.writing.close();
  std::string_view left = input;
  std::string said;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() >= deadline) {
      kill(-child, SIGKILL);
      wait_for_process(child);
      return make_error(ErrorKind::kTransient,
                        fmt::format("it did not end within {} s", at_most.count() / 1000));
    }
    feed(to_it.writing, left);
    drain(from_it.reading, said);
    wait_a_moment(to_it.writing, from_it.reading);
  }
  drain(from_it.reading, said);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return success();
  return failure(status, said);
}

}  // namespace walkback::alert
