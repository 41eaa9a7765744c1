// pg_wal as the host's file system shows it: what waits for the archiver, and how fast it grows.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "health/facts.h"
#include "pg/types.h"

namespace walkback::health {

// `server`, where one answers, tells segments that are written from those kept to be used again.
Result<WalDirectoryFacts> look_at_pg_wal(FileSystem& files, const std::string& pg_wal,
                                         uint32_t segment_bytes, const ServerFacts* server,
                                         Timestamp now);

}  // namespace walkback::health
