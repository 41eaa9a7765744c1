// What a file in the pg_wal of a stopped server is worth.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"

namespace walkback::restore {

enum class WalFileUse {
  kArchived,  // the archive holds it, byte for byte
  kEmpty,    // zeros, or an older segment's bytes under a name that was still to come, or half of a
             // file that PostgreSQL was making
  kKeep,     // nobody else may have it
  kUnknown,  // no WAL
};

// Reads the archive's bytes of it, so that the answer does not hang on an index.
Result<WalFileUse> judge_wal_file(FileSystem& files, const catalog::WalArchive& archive,
                                  const std::string& path, const std::string& name);

}  // namespace walkback::restore
