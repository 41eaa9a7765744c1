#include "catalog/events.h"
#include "catalog/listing.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "history/export.h"

namespace walkback::cli {

namespace {

// What was left out of a list, for both kinds of reader.
struct Unreadable {
  explicit Unreadable(Session& its_session) : session(its_session) {}
  catalog::OnUnreadable tell() {
    return [this](const Error& error) {
      session.warn(error);
      messages.push_back(error.message);
    };
  }
  Session& session;
  std::vector<std::string> messages;
};

}  // namespace

Result<ExitStatus> run_list(const ListOptions&, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  Unreadable unreadable(session);
  auto listing = TRY(catalog::list_cluster(*store, config.cluster, unreadable.tell()));
  session.result(list_text(listing, config.cluster, store->description()),
                 list_json(listing, unreadable.messages));
  return ExitStatus::kDone;
}

Result<ExitStatus> run_history(const HistoryOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  Unreadable unreadable(session);
  auto events = TRY(catalog::list_events(*store, config.cluster, unreadable.tell()));
  const Result<void> judged =
      catalog::find_killed(*store, config.cluster, session.env().clock, events);
  if (!judged.ok()) session.warn(judged.error());
  if (!options.into.empty()) {
    const auto connection = TRY(session.env().connect({.conninfo = options.into}));
    const size_t rows = TRY(history::export_history(events, config.cluster, *connection));
    session.result(history_export_text(rows), history_export_json(rows));
    return ExitStatus::kDone;
  }
  session.result(history_text(events), history_json(events, unreadable.messages));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
