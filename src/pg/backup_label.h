// backup_label: where recovery of a base backup begins. Made by pg_backup_stop() and written into a
// restored data directory (src/backend/access/transam/xlogbackup.c, build_backup_content). The
// backup history file in the archive ("….backup") has the same lines and the stop's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pg/types.h"

namespace walkback::pg {

struct BackupLabel {
  Lsn start;                  // START WAL LOCATION: the redo point; replay begins here
  std::string start_segment;  // the file that holds it
  Lsn checkpoint;             // CHECKPOINT LOCATION: the checkpoint record
  TimelineId timeline;        // START TIMELINE
  bool from_standby = false;  // BACKUP FROM
  std::string start_time;     // in the server's log_timezone, as it printed it
  std::string label;
  std::optional<Lsn> stop;   // in a backup history file only
  bool incremental = false;  // 17+: cannot be started without its parents
};

// kInvalid, naming the line, when one that recovery needs is absent or unreadable or when two
// disagree.
Result<BackupLabel> parse_backup_label(std::string_view text);

}  // namespace walkback::pg
