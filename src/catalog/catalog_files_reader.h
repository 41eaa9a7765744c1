// Which relations of PostgreSQL's own catalog got other files since initdb, from a data directory.
#pragma once

#include <string>

#include "base/file_system.h"
#include "pg/control_file.h"
#include "wal/catalog_files.h"

namespace walkback::catalog {

// From each pg_filenode.map, which a server may be writing to. Never an error: whose map cannot be
// read has none, and what its catalog says is then not seen in WAL.
wal::CatalogFiles read_catalog_files(FileSystem& files, const std::string& pgdata,
                                     const pg::ControlFile& control);

}  // namespace walkback::catalog
