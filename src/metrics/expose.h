// What `status` sees, as figures for Prometheus. Pure. docs/metrics.md describes every family.
#pragma once

#include <string>

#include "health/facts.h"
#include "health/finding.h"
#include "health/limits.h"

namespace walkback::metrics {

// What is not known has no sample: absent() finds it, and a 0 would be a lie. `report` is what the
// rules say of `facts` under `limits`; `version` is walkback's.
std::string expose(const health::Facts& facts, const health::Limits& limits,
                   const health::Report& report, const std::string& version);

}  // namespace walkback::metrics
