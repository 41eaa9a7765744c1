// Whether a segment that somebody hands over is one that the server still writes.
#pragma once

#include <string>

#include "base/file_system.h"
#include "base/result.h"
#include "catalog/wal_archive.h"

namespace walkback::archive {

// kInvalid for a segment in a pg_wal whose server has not marked it for archiving and whose log
// ends before the segment does: once archived, the finished one would be another file of the same
// name.
//
// The archiver's own calls cost two looks at archive_status: NAME.ready is there until
// archive_command has succeeded, NAME.done from then on (src/backend/access/transam/xlogarchive.c).
// Without a mark, as where archive_mode is off, the records themselves tell: a finished segment is
// full or ends in a switch. A file apart from any archive_status is taken as it is: so the last
// segment of a server that is lost for good can be archived, from a copy.
Result<void> check_is_finished(const std::string& path, File& content, FileSystem& files,
                               const catalog::WalArchive& archive);

}  // namespace walkback::archive
