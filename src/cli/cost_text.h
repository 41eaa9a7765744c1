// What `cost` says.
#pragma once

#include <string>

#include "cost/estimate.h"

namespace walkback::cli {

std::string cost_text(const cost::Facts& facts, const cost::Prices& prices,
                      const cost::Estimate& estimate);
std::string cost_json(const cost::Facts& facts, const cost::Prices& prices,
                      const cost::Estimate& estimate);

}  // namespace walkback::cli
