// What `agent --once` did, for people and programs.
#pragma once

#include <string>

#include "agent/agent.h"
#include "health/finding.h"

namespace walkback::cli {

// `health`: the level that the look afterwards came to.
std::string once_text(const agent::OnceReport& report, health::Level health);
std::string once_json(const agent::OnceReport& report, health::Level health);

}  // namespace walkback::cli
