// Mail, as a channel. Internal to alert.
#pragma once

#include <memory>

#include "alert/channels.h"

namespace walkback::alert {

// kInvalid for what cannot be used, naming its key.
Result<std::unique_ptr<Channel>> make_email_channel(const EmailOptions& options,
                                                    const Means& means);

}  // namespace walkback::alert
