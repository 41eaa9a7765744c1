// A target as time, xid and LSN, whichever of them the user gave: text and JSON show the same.
#pragma once

#include <optional>

#include "base/clock.h"
#include "restore/plan.h"

namespace walkback::cli {

struct TargetRecord {
  std::optional<Timestamp> time;
  std::optional<uint64_t> xid;  // 64 bits
};

// The record that the target names, where it names one; else what the user gave.
TargetRecord target_record(const restore::RecoveryPlan& plan);

}  // namespace walkback::cli
