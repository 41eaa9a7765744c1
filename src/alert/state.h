// What the channels were told, from one run to the next: a file of this host.
#pragma once

#include <map>
#include <string>

#include "alert/rhythm.h"
#include "base/file_system.h"
#include "base/result.h"

namespace walkback::alert {

using States = std::map<std::string, ChannelState>;  // by the channel's name

// None when the file is not there. One that cannot be read as such is no state: its channels are
// told once more, and it is written anew.
Result<States> load_states(FileSystem& files, const std::string& path);
// Replaces the file; durable.
Result<void> save_states(FileSystem& files, const std::string& path, const States& states);

}  // namespace walkback::alert
