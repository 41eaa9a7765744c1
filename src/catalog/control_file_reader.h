// global/pg_control of a data directory that a server may be writing to.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/file_system.h"
#include "base/result.h"
#include "pg/control_file.h"

namespace walkback::catalog {

struct ControlFileBytes {
  Bytes bytes;
  pg::ControlFile control;
};

// Read again until its CRC holds: the server rewrites it in place, and Linux lets a reader see half
// of a write. kCorrupt when it never does; kMissing when `pgdata` is no data directory.
Result<ControlFileBytes> read_control_file(FileSystem& files, const std::string& pgdata);

}  // namespace walkback::catalog
