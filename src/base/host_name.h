// What this host calls itself: for people and for the record, never to tell hosts apart.
#pragma once

#include <string>

namespace walkback {

// gethostname(2); empty when it fails.
std::string host_name();

}  // namespace walkback
