// Which files of a data directory go when a recovery makes it what a backup holds.
//
// What PostgreSQL itself made and the backup has not would do harm: a relation's file that is of
// another moment, an old transaction log. What a person put there is left alone. Pure.
#pragma once

#include <string_view>

#include "base/file_system.h"
#include "pg/versions.h"

namespace walkback::restore {

// For a name that the backup has not, relative to the data directory, "base/5/16384"; below pg_wal
// nothing goes by these rules. A directory's own names are asked for one by one.
bool goes_unless_in_backup(std::string_view name, FileType type, const pg::Version& version);

// Whether what is in a directory is looked at: PostgreSQL's own, but for pg_wal.
bool is_looked_into(std::string_view directory, const pg::Version& version);

// Settings, and the files by whose presence a server becomes a standby: of these a copy is kept.
bool is_configuration(std::string_view name);

}  // namespace walkback::restore
