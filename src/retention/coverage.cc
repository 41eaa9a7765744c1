#include "retention/coverage.h"

#include <algorithm>

namespace walkback::retention {

std::optional<Coverage> coverage(std::chrono::seconds window,
                                 const std::vector<catalog::RecoveryWindow>& there) {
  const auto newest = std::ranges::max_element(there, {}, &catalog::RecoveryWindow::to);
  if (newest == there.end()) return std::nullopt;
  return Coverage{newest->from, newest->to, newest->from + window};
}

}  // namespace walkback::retention
