// Writing the first configuration, for `walkback init`.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "config/config.h"

namespace walkback::config {

// What `init` decides, and what the environment says other than the default, as TOML; every other
// key as a comment with its default. The server's archive_command has another environment.
std::string render(const Config& config);

enum class WriteOutcome {
  kCreated,
  kKept,  // a file is there and says the same; it may say more
};

// Writes `config` to `path` unless a file is there: one that says otherwise about what `init`
// decides (cluster, pgdata, conninfo, repository, encryption) is kConflict and left alone. On
// success the file survives power loss. Mode 0600 when it holds a password, else 0644: the server's
// user must be able to read it.
Result<WriteOutcome> write_if_absent(FileSystem& files, const std::string& path,
                                     const Config& config);

}  // namespace walkback::config
