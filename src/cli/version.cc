#include "cli/version.h"

namespace walkback::cli {

// WALKBACK_VERSION is the project's version in CMakeLists.txt.
std::string version_number() { return WALKBACK_VERSION; }
std::string version_line() { return "walkback " WALKBACK_VERSION "\n"; }

}  // namespace walkback::cli
