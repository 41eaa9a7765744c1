// The name of the host's time zone, as times are shown with.
#pragma once

#include <ctime>
#include <optional>
#include <string>

namespace walkback {

// What TZ says where this system knows no such zone: the C library counts in UTC then.
std::optional<std::string> unknown_zone();

// Of a moment as localtime_r() gave it: "CET". "UTC" where the zone is unknown: the C library
// would call it by the letters that the wrong name begins with.
std::string zone_name(const tm& local);

}  // namespace walkback
