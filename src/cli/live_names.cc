#include "cli/live_names.h"

#include "catalog/server_names.h"
#include "cli/live_archiver.h"

namespace walkback::cli {

std::optional<catalog::Names> live_names(const config::Config& config, Session& session) {
  const auto connection = connect_at_once(config, session);
  if (!connection) return std::nullopt;
  Result<catalog::Names> names =
      catalog::read_server_names(*connection, session.connect_to(config));
  if (!names.ok()) return std::nullopt;
  return std::move(names).value();
}

}  // namespace walkback::cli
