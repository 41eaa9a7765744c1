#include "agent/child.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/start_process.h"

namespace walkback::agent {

namespace {

class Child final : public Job {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  ~Child() override {
    if (!ended_) wait_for_process(pid_);
  }

  std::optional<int> exit_status() override {
    if (!ended_) ended_ = waitpid(pid_, &status_, WNOHANG) == pid_;
    if (!ended_) return std::nullopt;
    return exit_status_of(status_);
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
  const pid_t pid = TRY(start_process({.command = command,
                                       .output = STDERR_FILENO,
                                       .errors = STDERR_FILENO,
                                       .group = ProcessGroup::kOwn,
                                       .signal_at_our_end = SIGTERM}));
  return std::unique_ptr<Job>(std::make_unique<Child>(pid));
}

}  // namespace walkback::agent
