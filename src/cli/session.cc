#include "cli/session.h"

#include <fmt/format.h>

#include "cli/errors.h"
#include "cli/json.h"
#include "config/keys.h"
#include "repo/repository.h"

namespace walkback::cli {

namespace {

std::string absolute_path(const std::string& directory, const std::string& path) {
  return path.starts_with('/') ? path : join_path(directory, path);
}

}  // namespace

Session::Session(const GlobalOptions& global, Env& env, ExitStatus failure_status)
    : global_(global),
      env_(env),
      config_path_(absolute_path(env.working_directory, global.config_path)),
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
  return opened(env_.open_store(config, access, stop_));
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_beneath(const config::Config& config) {
  auto store = TRY(opened(env_.open_beneath(config, stop_)));
  TRY(repo::open_repository_beneath(*store, config.encryption));
  return store;
}

Result<std::unique_ptr<store::ObjectStore>> Session::open_repository(const config::Config& config,
                                                                     Access access) {
  auto store = TRY(open_store(config, access));
  TRY(repo::open_repository(*store));
  return store;
}

Result<std::unique_ptr<pgconn::Connection>> Session::connect(const config::Config& config) {
  auto connection = env_.connect({.conninfo = config.conninfo});
  if (connection.ok()) return connection;
  return std::move(connection)
      .error()
      .with_context("connecting to PostgreSQL")
      .with_hint("postgresql.conninfo in the configuration says how to reach the server");
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

void Session::result(const std::string& text, const std::string& json) {
  progress_.reset();
  env_.output.out(global_.json ? json : text);
}

void Session::show(const std::string& text) {
  if (global_.json || global_.quiet) return;
  if (progress_) progress_->finish();
  env_.output.out(text);
}

ExitStatus Session::fail(const Error& error) {
  progress_.reset();
  bool stopped = error.kind == ErrorKind::kCancelled && stop_.stop_requested();
  Error shown = stopped ? interrupted(error.hint) : error;
  if (global_.json) env_.output.out(error_json(shown));
  env_.output.err(error_lines(shown));
  return stopped ? ExitStatus::kInterrupted : failure_status_;
}

ExitStatus Session::fail_after_result(const Error& error, ExitStatus status) {
  env_.output.err(error_lines(error));
  return status;
}

}  // namespace walkback::cli
