#include "cli/commands.h"
#include "cli/json.h"
#include "cli/text.h"
#include "restore/adopt.h"

namespace walkback::cli {

Result<ExitStatus> run_adopt(const AdoptOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  session.watch_interrupts(OnInterrupt::kEnd);
  auto store = TRY(session.open_repository(config, Access::kMetadata));
  restore::AdoptOptions adopt;
  adopt.cluster = config.cluster;
  adopt.pgdata = session.absolute(options.pgdata);
  adopt.program = session.env().program;
  adopt.config_path = session.config_path();
  auto report = TRY(restore::run_adopt(adopt, session.env().files, *store, session.progress()));
  AdoptView view{report, adopt.pgdata, adopt.config_path, config.pgdata};
  session.result(adopt_text(view), adopt_json(report));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
