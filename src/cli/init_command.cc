#include <fmt/format.h>

#include <algorithm>

#include "base/host_name.h"
#include "base/shell.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/key_options.h"
#include "cli/text.h"
#include "config/keys.h"
#include "config/write.h"
#include "restore/target_directory.h"
#include "setup/init.h"
#include "setup/initial_keys.h"

namespace walkback::cli {

namespace {

Error missing(std::string_view option, std::string_view key) {
  return make_error(
      ErrorKind::kInvalid, fmt::format("{} is missing", option),
      fmt::format("`walkback init --help` shows an example; a configuration with {} would do too",
                  key));
}

Result<void> choose_encryption(const InitOptions& options, const std::string& config_path,
                               config::Config& config) {
  if (options.encryption) config.encryption = *options.encryption;
  if (config.encryption.empty()) config.encryption = "age";
  if (config.encryption != "age" && config.encryption != "none") {
    return make_error(ErrorKind::kInvalid, fmt::format("--encryption is \"{}\"", config.encryption),
                      "age, the default, or none: whoever reads the repository reads the data");
  }
  if (config.encryption == "none") {
    if (options.recipients.empty()) return success();
    return make_error(ErrorKind::kInvalid, "--recipient is for an encrypted repository",
                      "leave --encryption none away");
  }
  if (config.encryption_host_key_file.empty()) {
    config.encryption_host_key_file = key_file_beside(config_path, "host");
  }
  return success();
}

// The options over what the file and the environment say.
Result<config::Config> wanted_config(const InitOptions& options, config::Config config,
                                     const Session& session) {
  if (options.pgdata) config.pgdata = session.absolute(*options.pgdata);
  if (options.repository) {
    TRY(config::check_repository_url(*options.repository, "--repository"));
    config.repository_url = *options.repository;
  }
  if (options.second_repository) {
    TRY(config::check_repository_url(*options.second_repository, "--second-repository"));
    config.second_repository_url = *options.second_repository;
  }
  if (options.conninfo) config.conninfo = *options.conninfo;
  if (config.pgdata.empty()) return missing("--pgdata", "postgresql.pgdata");
  if (config.repository_url.empty()) return missing("--repository", "repository.url");
  TRY(choose_encryption(options, session.config_path(), config));
  return config;
}

Result<void> check_pgdata(const config::Config& config, Session& session) {
  if (!TRY(session.env().files.status(config.pgdata))) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("there is no data directory {}", config.pgdata),
                      "`SHOW data_directory` in psql says where it is");
  }
  return session.check_owner(config.pgdata,
                             "the server archives as its owner, so the repository must be that "
                             "user's too");
}

// A place for files of the server's user that it may not make itself.
Error with_place_for(const std::string& file, const Env& env, Error error) {
  const Result<std::optional<FileInfo>> place = env.files.status(parent_path(file));
  const bool ours = place.ok() && *place && (*place)->owner == env.user_id;
  if (ours || (error.kind != ErrorKind::kDenied && error.kind != ErrorKind::kMissing)) return error;
  error.hint = fmt::format(
      "`sudo install -d -o {} -m 0750 {}` makes a place for it, then run this again; or choose "
      "another one with --config FILE",
      shell_word(env.user_name(env.user_id)), shell_word(parent_path(file)));
  return error;
}

// Nobody said how, and libpq's own defaults lead nowhere: the server's own files say where it is.
Result<std::unique_ptr<pgconn::Connection>> connect(const config::Config& config,
                                                    Session& session) {
  auto connection = session.connect(config);
  if (connection.ok() || !config.conninfo.empty()) return connection;
  Error error = std::move(connection).error();
  Env& env = session.env();
  const auto running = restore::find_running_server(env.files, config.pgdata);
  if (!running.ok()) return error;
  if (!*running) {
    error.hint = fmt::format("no server runs on {}: start it, then run this again", config.pgdata);
    return error;
  }
  std::string conninfo = fmt::format("port={}", (*running)->port);
  if (!(*running)->socket_directory.empty()) {
    conninfo = fmt::format("host={} {}", (*running)->socket_directory, conninfo);
  }
  error.hint = fmt::format(
      "--conninfo {} names the server that runs on {}; with user=ROLE in it where no superuser is "
      "called {}",
      shell_word(conninfo), config.pgdata, env.user_name(env.user_id));
  return error;
}

class InitialConfiguration final : public setup::ConfigurationFile {
 public:
  InitialConfiguration(Env& env, std::string path, const config::Config& config)
      : env_(env), path_(std::move(path)), config_(config) {}

  // One that is there must say the same: known before anything is made.
  Result<void> look() {
    was_there_ = TRY(env_.files.status(path_)).has_value();
    if (was_there_) TRY(config::write_if_absent(env_.files, path_, config_));
    return success();
  }
  bool was_there() const { return was_there_; }
  bool created() const { return created_; }

  Result<void> write() override {
    if (was_there_) return success();
    const auto outcome = config::write_if_absent(env_.files, path_, config_);
    if (!outcome.ok()) return with_place_for(path_, env_, outcome.error());
    created_ = *outcome == config::WriteOutcome::kCreated;
    return success();
  }

  // What stays after a failure here only makes the next try say what is in it.
  void take_back() override {
    if (created_) (void)env_.files.remove(path_);
    created_ = false;
  }

 private:
  Env& env_;
  const std::string path_;
  const config::Config& config_;
  bool was_there_ = false;
  bool created_ = false;
};

class InitialRepository final : public setup::RepositoryToBe {
 public:
  InitialRepository(const InitOptions& options, config::Config& config, Session& session)
      : options_(options), config_(config), session_(session) {}

  Result<void> look() {
    seen_ = TRY(session_.open_store(config_, Access::kSetUp));
    return success();
  }
  store::ObjectStore& seen() override { return *seen_; }

  Result<store::ObjectStore*> open(bool is_new) override {
    if (config_.encryption != "age") return seen_.get();
    TRY(make_keys(is_new));
    opened_ = TRY(session_.open_store(config_, Access::kBegin));
    return opened_.get();
  }

  // Of the keys that were made or are to be kept elsewhere; said whatever becomes of the rest.
  void say_where_keys_lie() {
    for (const keys::Custody& custody : custody_) session_.say_loudly(keys::custody_lines(custody));
  }

 private:
  Result<void> make_keys(bool is_new) {
    Env& env = session_.env();
    keys::Options options = TRY(key_options(config_, env.user_id));
    if (options.identity_file.empty()) {
      options.identity_file = key_file_beside(session_.config_path(), "owner");
    }
    const auto beneath = TRY(session_.open_store_beneath(config_, Access::kBegin));
    const std::vector<std::string> before = key_files_there(options);
    auto made =
        setup::make_initial_keys({options_.recipients, is_new, host_name()},
                                 {env.files, *beneath, env.gpg, env.clock, env.random, options});
    if (!made.ok()) {
      return with_keys_left(before, options,
                            with_place_for(options.host_key_file, env, std::move(made).error()));
    }
    config_.encryption_recipients.clear();
    for (const crypto::Recipient& recipient : made->options.recipients) {
      config_.encryption_recipients.push_back(recipient.text());
    }
    if (!made->owner_file.empty()) config_.encryption_identity_file = made->owner_file;
    custody_ = std::move(made->custody);
    return success();
  }

  std::vector<std::string> key_files_there(const keys::Options& options) const {
    std::vector<std::string> there;
    for (const std::string& file : {options.host_key_file, options.identity_file}) {
      const auto status = session_.env().files.status(file);
      if (status.ok() && *status) there.push_back(file);
    }
    return there;
  }

  // A key is never thrown away: the next try takes what this one made.
  Error with_keys_left(const std::vector<std::string>& before, const keys::Options& options,
                       Error error) const {
    std::vector<std::string> made;
    for (const std::string& file : key_files_there(options)) {
      if (std::ranges::find(before, file) == before.end()) made.push_back(file);
    }
    if (made.empty()) return error;
    error.message +=
        fmt::format("; {} stays, and the next `walkback init` uses it", fmt::join(made, " and "));
    return error;
  }

  const InitOptions& options_;
  config::Config& config_;
  Session& session_;
  std::unique_ptr<store::ObjectStore> seen_;
  std::unique_ptr<store::ObjectStore> opened_;
  std::vector<keys::Custody> custody_;
};

}  // namespace

Result<ExitStatus> run_init(const InitOptions& options, Session& session) {
  Env& env = session.env();
  config::Config config = TRY(session.failing_with(
      ExitStatus::kBadUsage, wanted_config(options, TRY(session.load_partial_config()), session)));
  TRY(check_pgdata(config, session));
  TRY(session.check_repository_owner(config));
  InitialConfiguration configuration(env, session.config_path(), config);
  TRY(configuration.look());
  session.watch_interrupts(OnInterrupt::kEnd);
  InitialRepository repository(options, config, session);
  TRY(repository.look());
  auto connection = TRY(connect(config, session));

  setup::InitOptions init;
  init.cluster = config.cluster;
  init.pgdata = config.pgdata;
  init.repository_urls = config::repository_urls(config);
  init.program = env.program;
  init.config_path = session.config_path();
  init.archive_timeout_s = options.archive_timeout_s;
  init.new_lineage = options.new_lineage;
  init.was_set_up_before = configuration.was_there();
  init.new_repository = options.new_repository;
  init.replace_archive_command = options.replace_archive_command;
  init.apply = options.apply;
  const auto report = setup::run_init(init, {*connection, env.files, repository, configuration,
                                             env.clock, env.random, session.progress()});
  if (!report.ok()) {
    repository.say_where_keys_lie();
    return report.error();
  }
  const InitView view{*report, config, session.config_path(), configuration.created()};
  session.result(init_text(view), init_json(view));
  repository.say_where_keys_lie();
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
