#include "catalog/events.h"
#include "catalog/listing.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

namespace walkback::cli {

Result<ExitStatus> run_list(const ListOptions&, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  auto listing = TRY(catalog::list_cluster(*store, config.cluster));
  session.result(list_text(listing, config.cluster, store->description()), list_json(listing));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_history(const HistoryOptions&, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  auto events = TRY(catalog::list_events(*store, config.cluster));
  session.result(history_text(events), history_json(events));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
