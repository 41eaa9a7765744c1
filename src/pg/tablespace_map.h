// tablespace_map: which symbolic links a starting server makes in pg_tblspc. PostgreSQL's own names
// the original paths, so it is never written into a restored directory as it is.
// (src/backend/access/transam/xlog.c, do_pg_backup_start; xlogrecovery.c, read_tablespace_map)
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

struct TablespaceMapEntry {
  Oid oid = 0;
  std::string path;
  auto operator<=>(const TablespaceMapEntry&) const = default;
};

// A line each; kInvalid names the line. Backslash, newline and carriage return in a path are
// escaped with a backslash; any other character behind one is read as itself.
Result<std::vector<TablespaceMapEntry>> parse_tablespace_map(std::string_view text);
std::string format_tablespace_map(const std::vector<TablespaceMapEntry>& entries);

}  // namespace walkback::pg
