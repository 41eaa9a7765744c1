#include "cli/parse.h"

#include <CLI/CLI.hpp>
#include <map>

#include "base/result.h"
#include "cli/parse_command.h"
#include "cli/parse_mistakes.h"
#include "cli/version.h"

namespace walkback::cli {

namespace {

constexpr const char* kExamples =
    "Examples:\n"
    "  walkback init --pgdata DIR --repository file:///srv/walkback --apply\n"
    "  walkback backup\n"
    "  walkback recover --before-xid 748 --into /srv/pg-1547 --port 5433\n";

// All that can be typed.
class Program {
 public:
  Program();

  CLI::App& app() { return app_; }
  // What `app`, one of the commands of app(), was made from.
  const Command& command(const CLI::App& app) const { return *commands_.at(&app); }

 private:
  void describe_global();
  void add_commands(CLI::App& parent, std::span<const Command> commands);

  CLI::App app_{
      "Keeps a PostgreSQL cluster recoverable to any second, and gives back what a mistake took.",
      "walkback"};
  std::map<const CLI::App*, const Command*> commands_;
};

Program::Program() {
  describe_global();
  for (const auto commands :
       {setup_commands(), archive_commands(), backup_commands(), find_commands(), undo_commands(),
        recovery_commands(), upkeep_commands(), watch_commands(), key_commands()}) {
    add_commands(app_, commands);
  }
  // After the commands, which would take it over.
  add_footer(app_, kExamples);
  app_.require_subcommand(0, 1);
}

void Program::describe_global() {
  app_.set_help_flag("-h,--help", "Show this and exit");
  add_flag(app_, "--version", "Show the version and exit");
  add_text(app_, "--config", "FILE",
           "The configuration (default: $WALKBACK_CONFIG, else /etc/walkback/walkback.toml)");
  add_text(app_, "--cluster", "NAME", "Which cluster of the repository (default: cluster.name)");
  add_flag(app_, "--json", "Results and errors as JSON on standard output");
  add_flag(app_, "--quiet", "No progress");
  add_flag(app_, "--verbose", "More detail");
}

void Program::add_commands(CLI::App& parent, std::span<const Command> commands) {
  for (const Command& command : commands) {
    CLI::App* app = parent.add_subcommand(command.name, command.what);
    commands_.emplace(app, &command);
    app->set_help_flag("-h,--help", "Show this and exit");
    app->fallthrough();
    if (command.describe) command.describe(*app);
    if (command.commands.empty()) continue;
    add_commands(*app, command.commands);
    app->require_subcommand(0, 1);
  }
}

std::string config_path(const CLI::App& program, const config::Environment& environment) {
  if (given(program, "--config")) return text(program, "--config");
  for (const auto& [name, value] : environment) {
    if (name == "WALKBACK_CONFIG" && !value.empty()) return value;
  }
  return std::string(config::kDefaultPath);
}

Result<GlobalOptions> read_global(const CLI::App& program, const config::Environment& environment) {
  GlobalOptions global;
  global.config_path = config_path(program, environment);
  global.cluster = if_given(program, "--cluster");
  global.json = flag(program, "--json");
  global.quiet = flag(program, "--quiet");
  global.verbose = flag(program, "--verbose");
  if (global.quiet && global.verbose) {
    return usage_error("--quiet and --verbose exclude each other", "give one of them");
  }
  return global;
}

Result<CommandOptions> read_command(const Program& program, const CLI::App& said) {
  const Command& command = program.command(said);
  return command.read ? command.read(said) : no_command(said);
}

// CLI11 puts in front of a command's name what it is given.
std::string help_of(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return app.help(parent ? words_of(*parent) : "");
}

void collect_help(const CLI::App& app, std::vector<CommandHelp>& all) {
  all.push_back({name_of(app), help_of(app), visible_options(app)});
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    collect_help(*command, all);
  }
}

}  // namespace

Result<Parsed> parse(std::span<const std::string> arguments,
                     const config::Environment& environment) {
  Program program;
  CLI::App& app = program.app();
  try {
    // CLI11 takes a vector from its end.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    return Parsed(Answer{help_of(chosen(app))});
  } catch (const CLI::ParseError& error) {
    return parse_failure(app, error, arguments);
  }
  if (flag(app, "--version")) return Parsed(Answer{version_line()});
  const CLI::App& said = chosen(app);
  if (&said == &app) return no_command(app);
  // One by one: g++ 12 forgets to destroy an aggregate's first members when TRY returns from its
  // braces.
  Invocation invocation;
  invocation.global = TRY(read_global(app, environment));
  invocation.global.typed.assign(arguments.begin(), arguments.end());
  invocation.command = TRY(read_command(program, said));
  return Parsed(std::move(invocation));
}

std::vector<CommandHelp> all_help() {
  Program program;
  std::vector<CommandHelp> all;
  collect_help(program.app(), all);
  return all;
}

}  // namespace walkback::cli
