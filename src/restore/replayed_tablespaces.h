// CREATE TABLESPACE in the WAL to be replayed. Replay goes to the original location, whatever the
// copy's layout is, and needs a directory there (src/backend/commands/tablespace.c,
// create_tablespace_directories): on the host it came from that is somebody's live one, on another
// it may be missing, also when the tablespace was dropped since.
//
// So nothing is done unasked. With --tablespace LOCATION=PLACE the location becomes a symbolic link
// to a place of the copy's own, where nothing of that name is on this host.
#pragma once

#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "restore/plan.h"
#include "restore/target_directory.h"

namespace walkback::restore {

// Each location once; those in place (in pg_tblspc itself) need nothing.
std::vector<std::string> replayed_locations(const RecoveryPlan& plan);

// kConflict, with what to type, when replay needs a location that the layout gives no place.
Result<void> check_replayed_tablespaces(FileSystem& files, const RecoveryPlan& plan,
                                        const TargetLayout& layout);

// The places, and the links to them. Those that are there already stay.
Result<void> make_replayed_tablespaces(FileSystem& files, const TargetLayout& layout);

}  // namespace walkback::restore
