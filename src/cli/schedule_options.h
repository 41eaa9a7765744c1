// What the configuration says about when.
#pragma once

#include "base/file_system.h"
#include "cli/session.h"
#include "config/config.h"
#include "schedule/due.h"

namespace walkback::cli {

// Where /etc/localtime leads to, else what /etc/timezone says, else UTC. TZ is not asked: what is
// started by hand and what is started by systemd must mean the same.
std::string system_zone(FileSystem& files);

// kInvalid for a zone that there is not. Without drill.directory there is no drill.
Result<schedule::Schedule> schedule_of(const config::Config& config, FileSystem& files);

// "backup @hourly, prune 30 2 * * *, … (Europe/Berlin)"
std::string schedule_text(const schedule::Schedule& schedule);

// From the start of the newest backup to the end of the log; nothing without a backup or a server
// that answers.
std::optional<uint64_t> wal_since_backup(const config::Config& config, store::ObjectStore& objects,
                                         Session& session);

}  // namespace walkback::cli
