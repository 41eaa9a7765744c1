// Which walkback this is.
#pragma once

#include <string>

namespace walkback::cli {

std::string version_number();  // "0.1.0"
// "walkback 0.1.0\n"
std::string version_line();

}  // namespace walkback::cli
