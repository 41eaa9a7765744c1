// Commands for a person to paste: what starts, stops, promotes a copy's server.
#pragma once

#include <string>
#include <string_view>

namespace walkback::restore {

inline constexpr std::string_view kServerLog = "walkback-recovery.log";

// "/usr/lib/postgresql/15/bin/pg_ctl -D DIR -l DIR/walkback-recovery.log start"; `more` goes to the
// server. `binaries` may be empty: then pg_ctl is looked for in the PATH. No restart: pg_ctl would
// give the server the command line again with which it was started last (postmaster.opts), the
// copy's port and socket among it.
std::string start_command(const std::string& binaries, const std::string& data_directory,
                          std::string_view more = {});
std::string stop_command(const std::string& binaries, const std::string& data_directory);

// As `role`, where the user has none of its own name.
std::string psql_command(const std::string& socket_directory, int port,
                         const std::string& role = {}, std::string_view database = "postgres");
// Works on a paused copy too, and returns when it is done (13 and later).
std::string promote_command(const std::string& socket_directory, int port,
                            const std::string& role = {});

}  // namespace walkback::restore
