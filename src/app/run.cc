#include "app/run.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "app/wire.h"
#include "cli/run.h"
#include "cli/version.h"
#include "scratch/guard.h"

namespace walkback::app {

int run(int argc, char** argv) {
  // Asked often by scripts: answered before anything is set up.
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    return std::fputs(cli::version_line().c_str(), stdout) < 0 || std::fflush(stdout) != 0;
  }
  // Of a drill, by itself: not for people, so it is no command.
  if (argc == 3 && std::strcmp(argv[1], scratch::kGuardCommand) == 0) {
    return scratch::run_guard(STDIN_FILENO, argv[2], system_files(), system_clock());
  }
  // A reader that went away must not kill a recovery half-way; the write's error is enough.
  std::signal(SIGPIPE, SIG_IGN);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  Wiring wiring;
  return static_cast<int>(cli::run(arguments, wiring.env()));
}

}  // namespace walkback::app
