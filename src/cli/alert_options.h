// What the configuration says about alerts.
#pragma once

#include "alert/tell.h"
#include "cli/session.h"

namespace walkback::cli {

alert::TellOptions alert_options(const config::Config& config, const Session& session);

}  // namespace walkback::cli
