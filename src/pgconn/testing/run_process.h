// Running programs from tests, as the user who may own a database cluster.
//
// PostgreSQL refuses to run as root. When a test runs as root its children become `postgres`;
// otherwise they stay who they are. Test code only: a failure to start anything throws.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace walkback::pgconn::testing {

using Arguments = std::vector<std::string>;

struct ProcessOutcome {
  int exit_status = -1;  // 128 + signal when killed by one
  std::string output;    // stdout and stderr
};

// Waits for its end.
ProcessOutcome run_as_owner(const Arguments& arguments);
// The same, and throws with the output when it did not exit with 0.
std::string run_as_owner_or_throw(const Arguments& arguments);
// Starts it in the background with its output appended to `log_file`. The child gets SIGQUIT when
// the thread that started it ends, so that a test that dies leaves no server behind.
pid_t start_as_owner(const Arguments& arguments, const std::string& log_file);

// The whole test program becomes `postgres` when it is root, for good: for what must itself start
// servers.
void become_owner();

// A new directory in /tmp that belongs to the owner, mode 0700, removed with all it holds at the
// end.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace walkback::pgconn::testing
