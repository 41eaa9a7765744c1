#include "cli/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shell.h"
#include "catalog/listing.h"
#include "cli/errors.h"
#include "cli/human.h"
#include "cli/json.h"
#include "config/keys.h"
#include "repo/repository.h"
#include "setup/repository_place.h"

namespace walkback::cli {

namespace {

std::string absolute_path(const std::string& directory, const std::string& path) {
  return path.starts_with('/') ? path : join_path(directory, path);
}

// Some tens of thousands of attempts.
constexpr uint64_t kMostRemembered_bytes = 16 << 20;

// Events, summaries: plain, small, and read by whoever asks how things are.
bool says_what_was(const store::ObjectKey& key) {
  const std::string& name = key.text();
  return name.find("/events/") != std::string::npos || name.ends_with("/summary.json") ||
         name.ends_with("/lineage.json");
}

// What health looks into again each minute: the WAL of the last hour, and names.
bool is_looked_into(const store::ObjectKey& key) {
  return key.text().ends_with(".index.zst") || key.text().ends_with("/names.zst");
}

// Each thousand names of a bucket are a request, and paid for.
store::WhatToRemember what_to_remember(const config::Config& config) {
  const std::vector<std::string> urls = config::repository_urls(config);
  if (std::ranges::none_of(urls, [](const auto& url) { return url.starts_with("s3://"); })) {
    return {says_what_was};
  }
  return {says_what_was,
          [](std::string_view prefix) {
            return prefix.find("/wal/") != std::string_view::npos || prefix.ends_with("/events/");
          },
          is_looked_into};
}

}  // namespace

Session::Session(const GlobalOptions& global, Env& env, ExitStatus failure_status)
    : global_(global),
      env_(env),
      config_path_(absolute_path(env.working_directory, global.config_path)),
      suggestion_(Suggestion::for_caller(global, config_path_, env)),
      failure_status_(failure_status) {}

std::string Session::absolute(const std::string& path) const {
  return absolute_path(env_.working_directory, path);
}

Result<config::Config> Session::load_config() {
  auto config = TRY(failing_with(ExitStatus::kBadUsage,
                                 config::load(env_.files, config_path_, env_.environment)));
  return failing_with(ExitStatus::kBadUsage, with_cluster(std::move(config)));
}

Result<config::Config> Session::load_partial_config() {
  auto config = TRY(failing_with(ExitStatus::kBadUsage,
                                 config::load_partial(env_.files, config_path_, env_.environment)));
  return failing_with(ExitStatus::kBadUsage, with_cluster(std::move(config)));
}

Result<config::Config> Session::with_cluster(config::Config config) const {
  if (!global_.cluster) return config;
  const config::Key* key = config::find_key("cluster", "name");
  TRY(config::set_text(config, *key, *global_.cluster, "--cluster"));
  return config;
}

Result<void> Session::require_pgdata(const config::Config& config) {
  if (!config.pgdata.empty()) return success();
  return failing_with(
      ExitStatus::kBadUsage,
      Result<void>(make_error(ErrorKind::kInvalid,
                              fmt::format("{}: postgresql.pgdata is missing", config_path_),
                              "it names the cluster's data directory, in [postgresql]")));
}

Result<void> Session::check_owner(const std::string& directory, std::string_view why) {
  const std::optional<FileInfo> info = TRY(env_.files.status(directory));
  if (!info || info->owner == env_.user_id) return success();
  const std::string owner = env_.user_name(info->owner);
  return make_error(ErrorKind::kDenied,
                    fmt::format("{} belongs to {}, and this is {}", directory, owner,
                                env_.user_name(env_.user_id)),
                    fmt::format("{}: `{}`", why, as_user(owner, env_, global_)));
}

Result<void> Session::check_repository_owner(const config::Config& config, bool root_only) {
  constexpr uint32_t kWritableByOthers = 022;
  for (const std::string& url : config::repository_urls(config)) {
    const auto directory = setup::repository_directory(url);
    if (!directory) continue;
    const Result<std::optional<FileInfo>> looked = env_.files.status(*directory);
    // Of two places one may be away.
    if (!looked.ok() && !config.second_repository_url.empty()) continue;
    const std::optional<FileInfo> info = TRY(looked);
    // Who may not write there cannot harm it.
    const bool could_harm =
        env_.user_id == 0 || (!root_only && info && (info->mode & kWritableByOthers) != 0);
    if (!info || !could_harm) continue;
    TRY(check_owner(*directory, "what another user writes there, its owner could not read"));
  }
  return success();
}

Result<void> Session::check_keys_owner(const config::Config& config) const {
  if (config.encryption == "none") return success();
  for (const std::string* path :
       {&config.encryption_host_key_file, &config.encryption_identity_file}) {
    if (path->empty()) continue;
    const Result<std::optional<FileInfo>> info = env_.files.status(*path);
    if (!info.ok() || !*info || (*info)->owner == env_.user_id) continue;
    const bool of_host = path == &config.encryption_host_key_file;
    if ((*info)->owner == 0) {
      // Root's is everyone's who can read it.
      TRY(check_is_readable(config, *path, of_host));
      continue;
    }
    const std::string owner = env_.user_name((*info)->owner);
    return make_error(
        ErrorKind::kDenied,
        fmt::format("the private key in {} belongs to {}, and this is {}", *path, owner,
                    env_.user_name(env_.user_id)),
        of_host || is_owned_by(config.encryption_host_key_file, (*info)->owner)
            ? fmt::format("leave it with its owner: `{}`", as_user(owner, env_, global_))
            : fmt::format("leave it with its owner, and name a copy of your own: "
                          "`sudo install -m 600 -o {} {} {}`",
                          shell_word(env_.user_name(env_.user_id)), shell_word(*path),
                          shell_word("/dev/shm/" + std::string(file_name(*path)))));
  }
  return success();
}

bool Session::is_owned_by(const std::string& path, uint32_t user_id) const {
  if (path.empty()) return false;
  const Result<std::optional<FileInfo>> info = env_.files.status(path);
  return info.ok() && *info && (*info)->owner == user_id;
}

Result<void> Session::check_is_readable(const config::Config& config, const std::string& path,
                                        bool of_host) const {
  const auto opened = env_.files.open_read(path);
  if (opened.ok() || opened.error().kind != ErrorKind::kDenied) return success();
  // Whoever owns the data directory is who the server archives as.
  const bool is_server = !config.pgdata.empty() && is_owned_by(config.pgdata, env_.user_id);
  if (!of_host || !is_server) return success();
  const std::string self = env_.user_name(env_.user_id);
  return make_error(
      ErrorKind::kDenied,
      fmt::format("the private key in {} belongs to root, and {}, whom the server "
                  "archives as, cannot read it",
                  path, self),
      fmt::format("give it back: `sudo chown {} {}`", shell_word(self), shell_word(path)));
}

Result<void> Session::check_cluster(store::ObjectStore& objects, const config::Config& config) {
  // What was there once does not become a mistyped name.
  bool& known_already = remembered_[objects.description()].cluster_known;
  if (remembers_ && known_already) return success();
  Result<void> known = catalog::check_cluster_is_known(objects, config.cluster);
  known_already = known.ok();
  if (known.ok() || known.error().kind != ErrorKind::kMissing) return known;
  return failing_with(ExitStatus::kBadUsage, std::move(known));
}

// A URL that is not read is a mistake in the configuration; a repository that does not answer is
// not.
Result<std::unique_ptr<store::ObjectStore>> Session::opened(
    Result<std::unique_ptr<store::ObjectStore>> store) {
  if (!store.ok() && (store.error().kind == ErrorKind::kUnsupported ||
                      store.error().kind == ErrorKind::kInvalid)) {
    return failing_with(ExitStatus::kBadUsage, std::move(store));
  }
  return store;
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_store(const config::Config& config,
                                                                Access access) {
  TRY(check_keys_owner(config));
  return opened(env_.open_store(config, access, stop_));
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_store_beneath(
    const config::Config& config, Access access) {
  TRY(check_keys_owner(config));
  return opened(env_.open_beneath(config, access, stop_));
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_beneath(const config::Config& config) {
  auto store = TRY(if_mounted(config, open_store_beneath(config, Access::kMetadata)));
  TRY(if_mounted(config, repo::open_repository_beneath(*store, config.encryption)));
  return store;
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_repository(const config::Config& config,
                                                                     Access access) {
  auto store = TRY(if_mounted(config, open_store(config, access)));
  TRY(if_mounted(config, repo::open_repository(*store)));
  if (!remembers_) return store;
  std::shared_ptr<store::ReadObjects>& read = remembered_[store->description()].read;
  if (!read) {
    read = std::make_shared<store::ReadObjects>(what_to_remember(config), kMostRemembered_bytes,
                                                env_.clock);
  }
  return store::make_remembering_store(std::move(store), read);
}

void Session::remember_small_objects() { remembers_ = true; }

Result<void> Session::check_is_there(const config::Config& config) const {
  for (const std::string& url : config::repository_urls(config)) {
    TRY(setup::check_is_there(env_.files, url));
  }
  return success();
}

Result<std::unique_ptr<pgconn::Connection>> Session::connect(const config::Config& config) {
  auto connection = env_.connect({.conninfo = config.conninfo});
  if (connection.ok()) return connection;
  return std::move(connection)
      .error()
      .with_context("connecting to PostgreSQL")
      .with_hint("postgresql.conninfo in the configuration says how to reach the server");
}

catalog::ConnectTo Session::connect_to(const config::Config& config) {
  return [this, conninfo = config.conninfo](const std::string& database) {
    return env_.connect({.conninfo = conninfo, .database = database});
  };
}

backup::ConnectToPrimary Session::connect_to_primary(const config::Config& config) {
  return [this, conninfo = config.primary_conninfo]() {
    auto connection = env_.connect({.conninfo = conninfo});
    if (connection.ok()) return connection;
    return decltype(connection)(
        std::move(connection)
            .error()
            .with_context("connecting to the primary")
            .with_hint("postgresql.primary_conninfo in the configuration says how to reach it"));
  };
}

Result<void> Session::catch_up(store::ObjectStore& store, store::CatchUpExtent extent,
                               std::chrono::nanoseconds at_most) {
  const store::CatchUp caught_up =
      TRY_CONTEXT(store.catch_up(extent, env_.clock.monotonic() + at_most),
                  "one place of the repository has to catch up");
  if (caught_up.copied > 0 && global_.verbose) {
    env_.output.err(fmt::format("{} copied to the place that had missed {}\n",
                                counted(caught_up.copied, "object"),
                                caught_up.copied == 1 ? "it" : "them"));
  }
  return success();
}

Progress& Session::progress() {
  if (global_.quiet) return silent_progress();
  if (!progress_) {
    progress_.emplace(env_.output, env_.clock,
                      env_.stderr_is_terminal ? ProgressStyle::kTerminal : ProgressStyle::kPlain,
                      env_.terminal_columns);
  }
  return *progress_;
}

std::stop_token Session::watch_interrupts(OnInterrupt mode) {
  stop_ = env_.watch_interrupts(mode);
  return stop_;
}

void Session::say_loudly(const std::vector<std::string>& lines) {
  if (progress_) progress_->finish();
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  env_.output.err(suggestion_.complete(text));
}

void Session::result(const std::string& text, const std::string& json) {
  progress_.reset();
  env_.output.out(global_.json ? json : suggestion_.complete(text));
}

void Session::show(const std::string& text) {
  if (global_.json || global_.quiet) return;
  if (progress_) progress_->finish();
  env_.output.out(suggestion_.complete(text));
}

void Session::warn(const Error& error) {
  if (progress_) progress_->finish();
  Error shown = error;
  shown.hint = suggestion_.complete(shown.hint);
  env_.output.err(warning_lines(shown));
}

ExitStatus Session::fail(const Error& error) {
  progress_.reset();
  bool stopped = error.kind == ErrorKind::kCancelled && stop_.stop_requested();
  Error shown = stopped ? interrupted(error.hint) : error;
  shown = std::move(shown).with_hint(std::string(usual_hint(shown.kind)));
  shown.hint = suggestion_.complete(shown.hint);
  if (global_.json) env_.output.out(error_json(shown));
  env_.output.err(error_lines(shown));
  return stopped ? ExitStatus::kInterrupted : failure_status_;
}

ExitStatus Session::fail_after_result(const Error& error, ExitStatus status) {
  Error shown = error;
  shown.hint = suggestion_.complete(shown.hint);
  env_.output.err(error_lines(shown));
  return status;
}

}  // namespace walkback::cli
