// The commands a server runs: archive_command and restore_command. They go through a shell, and
// PostgreSQL replaces % in them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pg/types.h"

namespace walkback::catalog {

struct ProgramCall {
  std::string program;      // absolute path of walkback
  std::string config_path;  // absolute path of its configuration
  std::string cluster;
};

// 'walkback --config … --cluster … wal-push %p'
std::string archive_command(const ProgramCall& call);
// 'walkback --config … --cluster … wal-get %f %p'; a recovered copy's names the timeline that is
// reserved for it. What lies in the directory `at_hand`, where there is one, is taken from there.
std::string restore_command(const ProgramCall& call, std::optional<pg::TimelineId> reserved,
                            std::string_view at_hand = "");

// Whether a server with this archive_command gives its WAL to another program: neither walkback nor
// a placeholder such as /bin/true.
bool is_foreign_archive_command(std::string_view command);

// Whether both are walkback's, with other configurations or clusters: two archives.
bool are_two_archives(std::string_view one, std::string_view other);

}  // namespace walkback::catalog
