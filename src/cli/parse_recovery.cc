// plan, recover, drill and adopt.
#include "cli/parse_command.h"
#include "cli/parse_target.h"

namespace walkback::cli {

namespace {

constexpr int kHighestPort = 65535;

void describe_plan(CLI::App& app) { add_target(app); }

Result<CommandOptions> read_plan(const CLI::App& app) {
  return CommandOptions(PlanOptions{TRY(target_typed(app))});
}

void describe_recover(CLI::App& app) {
  add_target(app);
  add_text(app, "--into", "DIR", "The new data directory: empty, or not there yet");
  add_text(app, "--port", "N", "The copy's port (default: a free one)");
  add_text(app, "--action", "WHAT", "At the target: promote (default), pause or shutdown");
  add_texts(app, "--tablespace", "OLD=NEW",
            "Put the tablespace that was at OLD at NEW (repeatable; default: beside DIR)");
  add_flag(app, "--delta",
           "DIR may be a stopped data directory of this cluster: only what differs is fetched");
  add_flag(app, "--no-start", "Restore and write the settings, start no server");
  add_flag(app, "--dry-run", "Show the plan, check the directory, write nothing");
}

Result<restore::RecoveryAction> read_action(const std::string& typed) {
  using restore::RecoveryAction;
  for (auto action :
       {RecoveryAction::kPromote, RecoveryAction::kPause, RecoveryAction::kShutdown}) {
    if (restore::recovery_action_name(action) == typed) return action;
  }
  return usage_error(fmt::format("--action is \"{}\"", typed), "one of promote, pause, shutdown");
}

Result<restore::TablespaceMapping> read_mapping(const std::string& typed) {
  size_t equals = typed.find('=');
  bool complete = equals != std::string::npos && equals > 0 && equals + 1 < typed.size();
  if (!complete || typed[0] != '/' || typed[equals + 1] != '/') {
    return usage_error(fmt::format("--tablespace is \"{}\"", typed),
                       "OLD=NEW, both absolute: --tablespace /srv/fast=/srv/copy/fast");
  }
  return restore::TablespaceMapping{typed.substr(0, equals), typed.substr(equals + 1)};
}

Result<CommandOptions> read_recover(const CLI::App& app) {
  RecoverOptions options;
  options.target = TRY(target_typed(app));
  options.into = text(app, "--into");
  if (options.into.empty()) {
    return usage_error("--into is missing: where to recover to",
                       "--into DIR, a directory that is empty or not there yet");
  }
  if (given(app, "--port")) options.port = TRY(number<int>(app, "--port", 1, kHighestPort));
  if (given(app, "--action")) options.action = TRY(read_action(text(app, "--action")));
  for (const std::string& mapping : texts(app, "--tablespace")) {
    options.tablespaces.push_back(TRY(read_mapping(mapping)));
  }
  options.start = !flag(app, "--no-start");
  options.delta = flag(app, "--delta");
  options.dry_run = flag(app, "--dry-run");
  return CommandOptions(std::move(options));
}

void describe_drill(CLI::App& app) {
  constexpr const char* kTarget = "TARGET (default: --latest)";
  add_target(app, kTarget);
  add_flag(app, "--random", "A moment of the recovery windows, chosen by chance", kTarget);
  add_text(app, "--seed", "N", "With --random: the same choice again");
  add_text(app, "--into", "DIR",
           "Where the scratch server gets a directory of its own (default: drill.directory)");
  add_texts(app, "--check", "SQL",
            "A question whose answer has to be true, beside those configured (repeatable)");
  add_text(app, "--database", "NAME", "Where --check is asked (default: postgres)");
  add_flag(app, "--keep", "Leave the server of a drill that fails, stopped, to be looked at");
}

Result<TargetOptions> read_drill_target(const CLI::App& app) {
  if (!targets_named(app).empty()) return target_typed(app);
  TargetOptions latest;
  latest.latest = true;
  latest.timeline = TRY(read_timeline(app));
  return latest;
}

Result<CommandOptions> read_drill(const CLI::App& app) {
  DrillOptions options;
  options.random = flag(app, "--random");
  const std::vector<std::string> named = targets_named(app);
  if (options.random && !named.empty()) {
    return usage_error(fmt::format("--random and {} are two targets", named[0]),
                       "give one of them");
  }
  if (options.random && given(app, "--timeline")) {
    return usage_error("--timeline with --random",
                       "--random takes any timeline that can be reached");
  }
  if (given(app, "--seed")) {
    if (!options.random) return usage_error("--seed without --random", "--random --seed N");
    options.seed = TRY(number<uint64_t>(app, "--seed", 0, UINT64_MAX));
  }
  options.target = TRY(read_drill_target(app));
  options.into = if_given(app, "--into");
  if (options.into && options.into->empty()) {
    return usage_error("--into is empty: where the scratch server is to lie", "--into DIR");
  }
  options.checks = texts(app, "--check");
  if (given(app, "--database")) {
    if (options.checks.empty()) {
      return usage_error("--database without --check", "configured checks name their own");
    }
    options.database = text(app, "--database");
  }
  options.keep = flag(app, "--keep");
  return CommandOptions(std::move(options));
}

void describe_adopt(CLI::App& app) {
  add_text(app, "--pgdata", "DIR", "The recovered copy's data directory");
}

Result<CommandOptions> read_adopt(const CLI::App& app) {
  AdoptOptions options{text(app, "--pgdata")};
  if (options.pgdata.empty()) {
    return usage_error("--pgdata is missing: which copy becomes the cluster",
                       "--pgdata DIR, the directory given to `recover --into`");
  }
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"plan", "Show what recover would do", describe_plan, read_plan},
    {"recover", "Recover to an exact moment, into a new data directory", describe_recover,
     read_recover},
    {"drill", "Recover to a scratch server, prove that all is there, and remove it", describe_drill,
     read_drill},
    {"adopt", "Make a recovered copy the cluster", describe_adopt, read_adopt},
};

}  // namespace

std::span<const Command> recovery_commands() { return kCommands; }

}  // namespace walkback::cli
