// How long and how often an alert is tried. Internal to alert.
#pragma once

#include <chrono>

#include "net/retry.h"

namespace walkback::alert {

// Somebody waits, or the next run of cron does: it tries again.
inline constexpr std::chrono::seconds kLongest{20};
inline constexpr net::RetryPolicy kRetries{4, std::chrono::milliseconds(500),
                                           std::chrono::milliseconds(5'000),
                                           std::chrono::milliseconds(5'000)};
// Of a probe, which asks once.
inline constexpr std::chrono::seconds kProbeTime{10};

}  // namespace walkback::alert
