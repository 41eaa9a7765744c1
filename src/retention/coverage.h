// How much there is of the window that retention asks for. Pure.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/recovery_windows.h"

namespace walkback::retention {

struct Coverage {
  Timestamp since;     // any moment from here to the newest can be recovered
  Timestamp until;     // the newest
  Timestamp whole_at;  // when that is the whole window, if nothing is lost until then
};

// By the window that reaches the newest moment: what lies before a gap does not count. One that
// begins with a backup whose date is yet to come counts from the next of `backups` in it on.
// Nothing without a window of which a beginning is known.
std::optional<Coverage> coverage(std::chrono::seconds window,
                                 const std::vector<catalog::RecoveryWindow>& there,
                                 const std::vector<catalog::BackupSummary>& backups, Timestamp now);

}  // namespace walkback::retention
