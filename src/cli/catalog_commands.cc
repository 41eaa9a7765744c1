#include "catalog/events.h"
#include "catalog/listing.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"

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

Result<ExitStatus> run_history(const HistoryOptions&, Session& session) {
  config::Config config = TRY(session.load_config());
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  Unreadable unreadable(session);
  auto events = TRY(catalog::list_events(*store, config.cluster, unreadable.tell()));
  session.result(history_text(events), history_json(events, unreadable.messages));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
