#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "restore/adopt.h"

namespace walkback::cli {

Result<ExitStatus> run_adopt(const AdoptOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  const std::string pgdata = session.absolute(options.pgdata);
  TRY(session.check_owner(pgdata, "its files must stay its owner's"));
  TRY(session.check_repository_owner(config));
  session.watch_interrupts(OnInterrupt::kEnd);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  restore::AdoptOptions adopt;
  adopt.cluster = config.cluster;
  adopt.pgdata = pgdata;
  adopt.configured_pgdata = config.pgdata;
  adopt.server_binaries = config.bin_dir;
  adopt.program = session.env().program;
  adopt.config_path = session.config_path();
  Env& env = session.env();
  auto report = TRY(
      restore::run_adopt(adopt, {env.files, *store, env.clock, env.random, session.progress()}));
  AdoptView view{report, pgdata, adopt.config_path, config.pgdata, session.suggestion()};
  session.result(adopt_text(view), adopt_json(report));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
