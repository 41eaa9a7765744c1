// Removing a directory and all that is in it: for what this program made itself.
#pragma once

#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback {

// A symbolic link goes, what it leads to stays; a directory of another file system (something is
// mounted there) is kConflict and stays, with what is above it. What is gone already is no error:
// two may do it at once. `last`, a name in the directory, goes when all others have: while it is
// there, the removal is known to be unfinished.
Result<void> remove_tree(FileSystem& files, const std::string& directory,
                         std::string_view last = {});

}  // namespace walkback
