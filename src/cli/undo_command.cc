#include <fmt/format.h>

#include <utility>

#include "cli/commands.h"
#include "cli/live_names.h"
#include "cli/recovery_options.h"
#include "cli/undo_text.h"
#include "find/table_pattern.h"
#include "undo/undo.h"

namespace walkback::cli {

namespace {

Result<undo::UndoOptions> undo_options(const UndoOptions& options, const config::Config& config,
                                       Session& session) {
  undo::UndoOptions undo;
  undo.cluster = config.cluster;
  undo.xid = options.xid;
  for (const std::string& table : options.tables) {
    undo.only.push_back(
        TRY(session.failing_with(ExitStatus::kBadUsage, find::TablePattern::parse(table))));
  }
  undo.timeline = options.timeline;
  undo.scratch =
      scratch_options(TRY(scratch_directory(options.into, config, session)), config, session);
  undo.connect_live = session.connect_to(config);
  undo.on_conflict = options.on_conflict;
  undo.apply = options.apply;
  undo.keep = options.keep;
  undo.as = options.as;
  if (!options.output.empty()) undo.output = {options.format, session.absolute(options.output)};
  undo.unreadable = [&session](const Error& error) { session.warn(error); };
  return undo;
}

}  // namespace

Result<ExitStatus> run_undo(const UndoOptions& options, Session& session) {
  config::Config config = TRY(session.load_config());
  undo::UndoOptions undo = TRY(undo_options(options, config, session));
  Env& env = session.env();
  TRY(check_not_root(config, session));
  TRY(session.check_repository_owner(config));
  TRY(scratch::check_directory(undo.scratch, env.files));
  // Where nothing is applied it is the result, and no --quiet hides that.
  std::string preview;
  undo.on_preview = [&](const undo::UndoReport& report) {
    preview = undo_preview_text(report) + "\n";
    if (undo.apply) session.show(std::exchange(preview, ""));
  };
  const std::stop_token stop = session.watch_interrupts(OnInterrupt::kAskToStop);
  auto store = TRY(session.open_repository(config, Access::kReadData));
  TRY(session.check_cluster(*store, config));
  undo.live_names = live_names(config, session);
  scratch::Surroundings around{env.files, *store, env.clock, env.random, session.progress(), stop};
  const undo::UndoReport report = TRY(undo::run_undo(undo, around));
  session.result(preview + undo_text(report, undo.output, session.suggestion()),
                 undo_json(report, undo.output));
  return ExitStatus::kDone;
}

}  // namespace walkback::cli
