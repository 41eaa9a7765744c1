#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "base/file_system.h"
#include "base/shell.h"
#include "catalog/server_names.h"
#include "cli/commands.h"
#include "cli/find_text.h"
#include "cli/live_archiver.h"
#include "config/secrets.h"
#include "restore/target.h"

namespace walkback::cli {

namespace {

constexpr std::chrono::hours kDefaultWindow{24};

// What the server says now, when it answers at once: names that no backup has seen yet, and how
// its archiving goes.
struct LiveServer {
  bool answers = false;
  std::optional<catalog::Names> names;
  std::optional<LiveArchiver> archiver;
};
LiveServer ask_live_server(const config::Config& config, Session& session) {
  LiveServer live;
  const auto connection = connect_at_once(config, session);
  if (!connection) return live;
  live.answers = true;
  Result<catalog::Names> names =
      catalog::read_server_names(*connection, session.connect_to(config));
  if (names.ok()) live.names = std::move(names).value();
  Result<std::optional<LiveArchiver>> archiver = ask_archiver(*connection);
  if (archiver.ok()) live.archiver = std::move(archiver).value();
  return live;
}

// The line that ends the server's segment.
std::string switch_command(const config::Config& config) {
  const bool names_server = !config.conninfo.empty() && !config::holds_password(config.conninfo);
  return fmt::format("psql {}-c 'SELECT pg_switch_wal()'",
                     names_server ? "-d " + shell_word(config.conninfo) + " " : "");
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

Result<void> read_window(const FindOptions& options, Timestamp now, find::FindOptions& find) {
  find.until = now;
  if (options.xid) {
    find.xid = options.xid;
    find.since = {};
    return success();
  }
  if (options.until) find.until = TRY(restore::parse_window_time(*options.until, now));
  find.since = find.until + -std::chrono::microseconds(kDefaultWindow);
  if (options.since) find.since = TRY(restore::parse_window_time(*options.since, now));
  if (find.since > now) {
    return make_error(ErrorKind::kInvalid,
                      fmt::format("--since is in the future: {}; here it is {}",
                                  restore::show_time(find.since), restore::show_time(now)),
                      "a time without a zone is this host's; \"15:47+01\" says another");
  }
  if (find.since <= find.until) return success();
  return make_error(ErrorKind::kInvalid,
                    fmt::format("--since is later than --until: {} is later than {}",
                                restore::show_time(find.since), restore::show_time(find.until)),
                    "the window is from --since to --until");
}

// Where `recover` can put the state before a transaction, beside the data directory: a line that
// was pasted before made one already.
std::function<std::string(uint64_t)> free_directory_of(const config::Config& config,
                                                       Session& session) {
  const std::string beside = config.pgdata.empty() ? "/srv" : parent_path(config.pgdata);
  FileSystem& files = session.env().files;
  return [beside, &files](uint64_t xid) {
    constexpr int kMostTried = 1000;
    const std::string path = fmt::format("{}/before-{}", beside, xid);
    std::string free = path;
    for (int i = 2; i < kMostTried; ++i) {
      const Result<std::optional<FileInfo>> there = files.link_status(free);
      if (!there.ok() || !*there) break;
      free = fmt::format("{}-{}", path, i);
    }
    return free;
  };
}

constexpr std::string_view kKeyVariable = "WALKBACK_ENCRYPTION_IDENTITY_FILE";

std::string key_variable(const config::Environment& environment) {
  for (const auto& [name, value] : environment) {
    if (name == kKeyVariable && !value.empty())
      return fmt::format("{}={} ", name, shell_word(value));
  }
  return "";
}

// As far as it is known without asking: gpg keeps its keys itself.
bool has_key(const config::Config& config, Session& session) {
  const bool by_gpg = std::ranges::any_of(
      config.encryption_recipients,
      [](const std::string& recipient) { return recipient.starts_with("gpg:"); });
  if (by_gpg) return true;
  if (config.encryption_identity_file.empty()) return false;
  const auto there = session.env().files.status(config.encryption_identity_file);
  return there.ok() && *there;
}

}  // namespace

Result<ExitStatus> run_find(const FindOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  const Timestamp now = session.env().clock.now();
  find::FindOptions find;
  find.cluster = config.cluster;
  TRY(session.failing_with(ExitStatus::kBadUsage, read_window(options, now, find)));
  if (!options.table.empty()) {
    TRY(session.failing_with(ExitStatus::kBadUsage, find::TablePattern::parse(options.table)));
  }
  find.table = options.table;
  find.kind = options.kind;
  find.min_rows = options.min_rows;
  find.limit = options.limit;
  find.earliest_first = options.earliest_first;
  find.timeline = options.timeline;
  find.unreadable = [&session](const Error& error) { session.warn(error); };
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  TRY(session.check_cluster(*store, config));
  LiveServer live = ask_live_server(config, session);
  find.live_names = std::move(live.names);
  const find::FindReport report = TRY(find::run_find(find, *store, session.progress(), stop));
  if (report.live_is_another) {
    session.warn(make_error(ErrorKind::kInvalid,
                            "the server that answers is another cluster than the archive's",
                            "its names are not taken, nor what it archives: see "
                            "postgresql.conninfo in the configuration"));
    live = {.answers = false, .names = {}, .archiver = {}};
  }
  FindView view{report, session.suggestion(), free_directory_of(config, session)};
  view.timeline_given = options.timeline.has_value();
  view.variables = key_variable(session.env().environment);
  view.key_missing = config.encryption != "none" && !has_key(config, session);
  view.xid = options.xid;
  view.filtered = !options.table.empty() || options.kind || options.min_rows > 0;
  view.earliest_first = options.earliest_first;
  view.now = now;
  view.reaches_now = find.until >= now && report.archive_last < now;
  view.server_answers = live.answers;
  view.archiver = std::move(live.archiver);
  view.switch_command = session.suggestion().other(switch_command(config));
  view.utf8 = shows_utf8(session.env().environment);
  session.result(find_text(view), find_json(report));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
