// What `rescue` says: what the table held then, and how that differs from today.
#pragma once

#include <optional>
#include <string>

#include "cli/suggestion.h"
#include "restore/plan.h"
#include "undo/rescue.h"

namespace walkback::cli {

struct RescueView {
  const undo::RescueReport& report;
  const restore::RecoveryPlan& plan;
  std::optional<undo::RowOutput> output;  // that was written
};
std::string rescue_text(const RescueView& view, const Suggestion& suggestion);
std::string rescue_json(const RescueView& view);

}  // namespace walkback::cli
