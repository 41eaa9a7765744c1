// The names under which a copy can be asked where it stands.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"

namespace walkback::restore {

// The user whose process this is, as the system knows it; "postgres" where it does not.
std::string own_user_name();

// Superusers that may log in, read from the directory's files as a backup or a server left them:
// the likeliest first, a few at most, and former names among them. A cluster made with `initdb -U
// dba` has no "postgres". Empty when the files do not say.
std::vector<std::string> find_superusers(FileSystem& files, const std::string& data_directory);

}  // namespace walkback::restore
