// The name of the host's time zone, as times are shown with.
#pragma once

#include <ctime>
#include <string>

namespace walkback {

// Of a moment as localtime_r() gave it: "CET". "UTC" where TZ names a zone that this system does
// not know: the C library then counts in UTC and calls it by the letters that the wrong name begins
// with.
std::string zone_name(const tm& local);

}  // namespace walkback
