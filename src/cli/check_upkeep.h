// What `check` says of what keeps a set-up well: who is told, what is kept, what runs when. All of
// it is found out without telling, removing or running anything.
#pragma once

#include <vector>

#include "catalog/backup_summary.h"
#include "catalog/recovery_windows.h"
#include "cli/session.h"
#include "config/config.h"
#include "schedule/due.h"
#include "setup/check.h"
#include "store/object_store.h"

namespace walkback::cli {

std::vector<setup::Finding> check_alerts(const config::Config& config, Session& session);

// The rules of [retention], held against what can be recovered now.
std::vector<setup::Finding> check_retention(const config::Config& config,
                                            const std::vector<catalog::RecoveryWindow>& windows,
                                            const std::vector<catalog::BackupSummary>& backups,
                                            Timestamp now);

// Whether anybody runs what is to be run: by what the repository's history says was begun. A
// warning only where the configuration sets times of its own, for cron and timers need none.
setup::Finding judge_schedule(const config::Config& config, const schedule::Schedule& schedule,
                              const schedule::History& history, Timestamp now);

// That, and whether the objective, the schedule's or else status', can be kept.
std::vector<setup::Finding> check_schedule(const config::Config& config,
                                           store::ObjectStore& objects, Session& session);

}  // namespace walkback::cli
