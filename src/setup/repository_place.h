// Where a repository lies, when it lies in a directory, and what that directory says about it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"

namespace walkback::setup {

// "/srv/walkback" for "file:///srv/walkback"; nothing for any other URL.
std::optional<std::string> repository_directory(std::string_view url);

// kMissing when `url` names a directory that is there and empty: a mount point whose disk is not
// mounted, where a second repository must not begin.
Result<void> check_is_mounted(FileSystem& files, std::string_view url);

// The same where a repository has been: kMissing also when the directory is not there at all, with
// the empty one above it that its disk may belong to.
Result<void> check_is_there(FileSystem& files, std::string_view url);

// A repository inside the cluster would be lost with it, and would be backed up into itself.
Result<void> check_outside_of_cluster(FileSystem& files, std::string_view url,
                                      const std::string& pgdata);

}  // namespace walkback::setup
