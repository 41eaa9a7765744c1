// The settings of a server that archives with walkback: as they must be, and as they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/server_commands.h"
#include "pgconn/connection.h"

namespace walkback::setup {

struct ServerSetting {
  std::string name;
  std::string wanted;
  std::string current;
  bool needs_restart = false;
  bool pending = false;  // the server's files say what is wanted, and it was not restarted since
  bool satisfied() const { return wanted == current; }
};

// Without what they are now. An archive_timeout that the server has is right, unless another is
// asked for; where it has none, 60.
Result<std::vector<ServerSetting>> wanted_settings(const catalog::ProgramCall& call,
                                                   std::optional<int> archive_timeout_s,
                                                   pgconn::Connection& connection);
// What they are now, and whether they wait for a restart.
Result<void> read_current(pgconn::Connection& connection, std::vector<ServerSetting>& settings);

// As SHOW has it; "" for one that this server does not have.
Result<std::string> current_setting(pgconn::Connection& connection, const std::string& name);

// Whether this is what another program, or walkback with another configuration, archives the
// server's WAL with.
bool archives_elsewhere(const ServerSetting& setting);

}  // namespace walkback::setup
