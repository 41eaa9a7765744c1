// The server's data directory and the configuration's: one directory may have several paths.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::catalog {

// Whether `servers`, the setting data_directory of a server that answers, is `pgdata`: through
// links and with a slash at the end too. A path of the server's that cannot be followed here is
// compared as it is written.
Result<bool> is_server_directory(FileSystem& files, const std::string& servers,
                                 const std::string& pgdata);

}  // namespace walkback::catalog
