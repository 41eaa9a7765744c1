#include <fmt/format.h>

#include "base/shell.h"
#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "config/keys.h"
#include "config/secrets.h"
#include "config/write.h"
#include "setup/init.h"

namespace walkback::cli {

namespace {

constexpr std::string_view kEncryptionHint =
    "encryption with keys arrives with the next version of the repository format; until then "
    "--encryption none says that plain text is what you want";

Error missing(std::string_view option, std::string_view key) {
  return make_error(
      ErrorKind::kInvalid, fmt::format("{} is missing", option),
      fmt::format("`walkback init --help` shows an example; a configuration with {} would do too",
                  key));
}

Result<void> choose_encryption(const InitOptions& options, config::Config& config) {
  if (options.encryption && *options.encryption != "none") {
    return make_error(ErrorKind::kUnsupported,
                      fmt::format("--encryption {} is not there yet", *options.encryption),
                      std::string(kEncryptionHint));
  }
  if (options.encryption) config.encryption = *options.encryption;
  if (!config.encryption.empty()) return success();
  return make_error(ErrorKind::kInvalid, "how the repository is encrypted was not said",
                    std::string(kEncryptionHint));
}

// The options over what the file and the environment say.
Result<config::Config> wanted_config(const InitOptions& options, config::Config config,
                                     const Session& session) {
  if (options.pgdata) config.pgdata = session.absolute(*options.pgdata);
  if (options.repository) {
    TRY(config::check_repository_url(*options.repository, "--repository"));
    config.repository_url = *options.repository;
  }
  if (options.conninfo) config.conninfo = *options.conninfo;
  if (config.pgdata.empty()) return missing("--pgdata", "postgresql.pgdata");
  if (config.repository_url.empty()) return missing("--repository", "repository.url");
  TRY(choose_encryption(options, config));
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

// The configuration file: made where there is none, and filled where there is an empty one, which
// root may have put there for a user who may not write in /etc.
class InitialConfiguration final : public setup::ConfigurationFile {
 public:
  InitialConfiguration(Env& env, std::string path, const config::Config& config)
      : env_(env), path_(std::move(path)), config_(config) {}

  // One that says something must say the same: known before anything is made.
  Result<void> look() {
    const std::optional<FileInfo> there = TRY(env_.files.status(path_));
    was_there_ = there && there->size > 0;
    empty_there_ = there && there->size == 0;
    if (!was_there_) return success();
    TRY(config::write_if_absent(env_.files, path_, config_));
    return success();
  }
  bool was_there() const { return was_there_; }
  bool created() const { return created_; }

  Result<void> write() override {
    if (was_there_) return success();
    Result<void> written = empty_there_ ? fill() : make();
    if (written.ok() || written.error().kind != ErrorKind::kDenied) return written;
    Error error = std::move(written).error();
    error.hint = fmt::format(
        "`sudo install -o {} -m 0640 /dev/null {}` makes a place for it, then run this again; or "
        "choose another one with --config FILE",
        shell_word(env_.user_name(env_.user_id)), shell_word(path_));
    return error;
  }

  void take_back() override {
    if (!created_) return;
    created_ = false;
    // What stays after a failure here only makes the next try say what is in it.
    if (!empty_there_) {
      (void)env_.files.remove(path_);
    } else if (auto file = env_.files.open_write(path_); file.ok()) {
      (void)(*file)->truncate(0);
    }
  }

 private:
  Result<void> make() {
    const auto outcome = TRY(config::write_if_absent(env_.files, path_, config_));
    created_ = outcome == config::WriteOutcome::kCreated;
    return success();
  }

  Result<void> fill() {
    if (config::holds_password(config_.conninfo)) TRY(env_.files.set_mode(path_, 0600));
    std::unique_ptr<File> file = TRY(env_.files.open_write(path_));
    TRY(file->write_at(0, as_bytes(config::render(config_))));
    TRY(file->sync());
    created_ = true;
    return success();
  }

  Env& env_;
  const std::string path_;
  const config::Config& config_;
  bool was_there_ = false;
  bool empty_there_ = false;
  bool created_ = false;
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
  auto store = TRY(session.open_store(config, Access::kSetUp));
  auto connection = TRY(session.connect(config));

  setup::InitOptions init;
  init.cluster = config.cluster;
  init.pgdata = config.pgdata;
  init.repository_url = config.repository_url;
  init.program = env.program;
  init.config_path = session.config_path();
  init.archive_timeout_s = options.archive_timeout_s;
  init.new_lineage = options.new_lineage;
  init.was_set_up_before = configuration.was_there();
  init.new_repository = options.new_repository;
  init.apply = options.apply;
  auto report = TRY(setup::run_init(init, {*connection, env.files, *store, configuration, env.clock,
                                           env.random, session.progress()}));
  const bool created = configuration.created();
  InitView view{report, config.cluster, config.repository_url, session.config_path(), created};
  session.result(init_text(view), init_json(report, session.config_path(), created));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
