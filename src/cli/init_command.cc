#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "config/keys.h"
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
  if (options.repository) config.repository_url = *options.repository;
  if (options.conninfo) config.conninfo = *options.conninfo;
  if (config.pgdata.empty()) return missing("--pgdata", "postgresql.pgdata");
  if (config.repository_url.empty()) return missing("--repository", "repository.url");
  TRY(choose_encryption(options, config));
  return config;
}

// What another user makes, the server's user could not write to, and archive_command would fail.
Result<void> check_user(const config::Config& config, Env& env) {
  auto info = TRY(env.files.status(config.pgdata));
  if (!info) {
    return make_error(ErrorKind::kMissing,
                      fmt::format("there is no data directory {}", config.pgdata),
                      "`SHOW data_directory` in psql says where it is");
  }
  if (info->owner == env.user_id) return success();
  std::string owner = env.user_name(info->owner);
  return make_error(ErrorKind::kDenied,
                    fmt::format("{} belongs to {}, and this is {}", config.pgdata, owner,
                                env.user_name(env.user_id)),
                    fmt::format("the server archives as {0}, so the repository must be its own: "
                                "sudo -u {0} walkback init …",
                                owner));
}

}  // namespace

Result<ExitStatus> run_init(const InitOptions& options, Session& session) {
  Env& env = session.env();
  config::Config config = TRY(session.failing_with(
      ExitStatus::kBadUsage, wanted_config(options, TRY(session.load_partial_config()), session)));
  TRY(check_user(config, env));
  session.watch_interrupts(OnInterrupt::kEnd);
  auto store = TRY(session.open_store(config, Access::kSetUp));
  auto connection = TRY(session.connect(config));

  // The server's archive_command reads this file, so it must be there before the settings are.
  auto written = TRY(config::write_if_absent(env.files, session.config_path(), config));

  setup::InitOptions init;
  init.cluster = config.cluster;
  init.pgdata = config.pgdata;
  init.repository_url = config.repository_url;
  init.program = env.program;
  init.config_path = session.config_path();
  init.archive_timeout_s = options.archive_timeout_s;
  init.new_lineage = options.new_lineage;
  init.apply = options.apply;
  auto report = TRY(setup::run_init(init, *connection, env.files, *store, env.clock, env.random,
                                    session.progress()));
  bool created = written == config::WriteOutcome::kCreated;
  InitView view{report, config.cluster, config.repository_url, session.config_path(), created};
  session.result(init_text(view), init_json(report, session.config_path(), created));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
