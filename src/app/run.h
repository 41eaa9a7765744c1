// The process.
#pragma once

namespace walkback::app {

// The exit status; cli/exit_status.h lists them.
int run(int argc, char** argv);

}  // namespace walkback::app
