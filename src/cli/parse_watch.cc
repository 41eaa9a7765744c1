// status, agent, metrics, cost and history.
#include "cli/parse_command.h"
#include "config/secrets.h"

namespace walkback::cli {

namespace {

void describe_status(CLI::App& app) {
  add_flag(app, "--alert", "Tell those in [alert] what is due to them; for cron");
  add_flag(app, "--test-alert", "Send a test to each of them, and say what arrived");
}

Result<CommandOptions> read_status(const CLI::App& app) {
  const StatusOptions options{flag(app, "--alert"), flag(app, "--test-alert")};
  if (options.alert && options.test_alert) {
    return usage_error("--alert and --test-alert exclude each other", "give one of them");
  }
  return CommandOptions(options);
}

void describe_agent(CLI::App& app) {
  add_flag(app, "--once", "Run what is due now, say what is next, and end; for cron");
}

Result<CommandOptions> read_agent(const CLI::App& app) {
  return CommandOptions(AgentOptions{flag(app, "--once")});
}

void describe_metrics(CLI::App& app) {
  add_text(app, "--textfile", "DIR",
           "Write DIR/walkback.prom instead, for node_exporter's textfile collector");
  add_text(app, "--listen", "ADDRESS:PORT",
           "Answer Prometheus over HTTP instead, until interrupted");
}

Result<CommandOptions> read_metrics(const CLI::App& app) {
  if (flag(program_of(app), "--json")) {
    return usage_error("metrics has one format, and it is not JSON",
                       "`walkback status --json` says the same to other programs");
  }
  MetricsOptions options{if_given(app, "--textfile"), if_given(app, "--listen")};
  if (options.textfile && options.listen) {
    return usage_error("--listen and --textfile exclude each other", "give one of them");
  }
  if (options.textfile && options.textfile->empty()) {
    return usage_error("--textfile is empty", "name the directory that node_exporter reads");
  }
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_cost(const CLI::App&) { return CommandOptions(CostOptions{}); }

void describe_history(CLI::App& app) {
  add_text(app, "--into", "CONNINFO", "Write it to the table backup_history of this database");
}

Result<CommandOptions> read_history(const CLI::App& app) {
  HistoryOptions options{text(app, "--into")};
  if (given(app, "--into") && options.into.empty()) {
    return usage_error("--into is empty: which database to write the history to",
                       "--into postgres://HOST/DATABASE, or libpq's \"host=… dbname=…\"");
  }
  if (config::holds_password(options.into)) {
    return usage_error("--into holds a password, which every user of this host can read in `ps`",
                       "give it in ~/.pgpass or PGPASSWORD");
  }
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"status", "Say whether all is well, and what to do where it is not; exits 0, 1 or 2",
     describe_status, read_status},
    {"agent", "Keep the schedule: run what is due, watch, tell; until it is asked to end",
     describe_agent, read_agent},
    {"metrics", "Print what status sees, as figures for Prometheus", describe_metrics,
     read_metrics},
    {"cost", "Estimate what the repository costs a month, and what would make it cheaper", nullptr,
     read_cost},
    {"history", "Show what was tried and how it ended", describe_history, read_history},
};

}  // namespace

std::span<const Command> watch_commands() { return kCommands; }

}  // namespace walkback::cli
