// The mark of a recovery that has begun and is not finished.
//
// A directory without global/pg_control cannot be started. With the mark in it, `recover --delta`
// knows whose pages lie there and goes on with them; without, nobody could tell what they are.
#pragma once

#include <optional>
#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "pg/types.h"

namespace walkback::restore {

struct UnfinishedMark {
  pg::SystemIdentifier system_identifier;
  // Where what was the directory's own before, and is not in the repository, was put; empty when
  // the recovery began in an empty directory.
  std::string kept_directory;
};

std::string mark_path(const std::string& data_directory);
// Durable. Replaces an earlier one.
Result<void> write_mark(FileSystem& files, const std::string& data_directory,
                        const UnfinishedMark& mark);
// Nothing when there is none; kCorrupt when it cannot be read.
Result<std::optional<UnfinishedMark>> read_mark(FileSystem& files,
                                                const std::string& data_directory);
// Durable. Once pg_control is there.
Result<void> remove_mark(FileSystem& files, const std::string& data_directory);

}  // namespace walkback::restore
