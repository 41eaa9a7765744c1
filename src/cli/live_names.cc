#include "cli/live_names.h"

#include "catalog/server_names.h"

namespace walkback::cli {

std::optional<catalog::Names> live_names(const config::Config& config, Session& session) {
  constexpr int kTimeout_s = 3;
  auto connection =
      session.env().connect({.conninfo = config.conninfo, .connect_timeout_s = kTimeout_s});
  if (!connection.ok()) return std::nullopt;
  Result<catalog::Names> names =
      catalog::read_server_names(**connection, session.connect_to(config));
  if (!names.ok()) return std::nullopt;
  return std::move(names).value();
}

}  // namespace walkback::cli
