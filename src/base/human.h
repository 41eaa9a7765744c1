// Numbers and times as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace walkback {

std::string human_bytes(uint64_t bytes);  // "512 B", "3.9 GiB"
std::string human_count(uint64_t count);  // "1,203,550"
std::string human_duration(
    double seconds);  // "0.8 s", "14 s", "2 min 5 s", "3 h 12 min", "4 d 2 h"
// "1 segment", "2 segments"
std::string counted(uint64_t count, std::string_view singular);

// The host's local time with its zone: "2026-11-22 15:46:59 CET"; the fraction when there is one.
std::string local_time(Timestamp time);
// The same in whole seconds, for tables.
std::string local_second(Timestamp time);

}  // namespace walkback
