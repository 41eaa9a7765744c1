// WAL files for a server to read.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"

namespace walkback::catalog {

// One file of the archive, at `path`, where it appears whole (written beside, renamed). It is not
// synced: a server can ask again. False: there is none of this name.
Result<bool> deliver_wal_file(const WalArchive& archive, const std::string& name,
                              const std::string& path, FileSystem& files);
// The same with this content.
Result<void> deliver(ByteView content, const std::string& path, FileSystem& files);

}  // namespace walkback::catalog
