#include "base/file_system.h"
#include "catalog/server_names.h"
#include "cli/commands.h"
#include "cli/find_text.h"
#include "restore/target.h"

namespace walkback::cli {

namespace {

constexpr std::chrono::hours kDefaultWindow{24};

// What the server says now, when it answers at once: names that no backup has seen yet.
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

bool shows_utf8(const config::Environment& environment) {
  for (const std::string_view wanted : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    for (const auto& [name, value] : environment) {
      if (name != wanted || value.empty()) continue;
      return value.find("UTF-8") != std::string::npos || value.find("utf8") != std::string::npos;
    }
  }
  return false;
}

}  // namespace

Result<ExitStatus> run_find(const FindOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  const Timestamp now = session.env().clock.now();
  find::FindOptions find;
  find.cluster = config.cluster;
  find.until = now;
  if (options.until) {
    find.until = TRY(session.failing_with(ExitStatus::kBadUsage,
                                          restore::parse_target_time(*options.until, now)));
  }
  find.since = find.until + -std::chrono::microseconds(kDefaultWindow);
  if (options.since) {
    find.since = TRY(session.failing_with(ExitStatus::kBadUsage,
                                          restore::parse_target_time(*options.since, now)));
  }
  if (find.since > find.until) {
    return session.failing_with(
        ExitStatus::kBadUsage,
        Result<ExitStatus>(make_error(ErrorKind::kInvalid, "--since is later than --until",
                                      "the window is from --since to --until")));
  }
  find.table = options.table;
  find.kind = options.kind;
  find.min_rows = options.min_rows;
  find.limit = options.limit;
  find.timeline = options.timeline;
  find.unreadable = [&session](const Error& error) { session.warn(error); };
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  find.live_names = live_names(config, session);
  const find::FindReport report = TRY(find::run_find(find, *store, session.progress(), stop));
  const std::string beside = config.pgdata.empty() ? "/srv" : parent_path(config.pgdata);
  const bool utf8 = shows_utf8(session.env().environment);
  session.result(
      find_text({report, session.suggestion(), beside, options.timeline.has_value(), utf8}),
      find_json(report));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
