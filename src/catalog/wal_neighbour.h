// The segment before the one that is archived, as it lies beside it in pg_wal.
#pragma once

#include <string>

#include "base/file_system.h"
#include "catalog/wal_archive.h"

namespace walkback::catalog {

// For WalArchive::put() of a file in `directory`. `files` must live as long as what is returned.
WalArchive::Neighbour neighbour_in(const std::string& directory, FileSystem& files);

}  // namespace walkback::catalog
