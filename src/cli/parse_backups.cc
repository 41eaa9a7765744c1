// backup and list.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

void describe_backup(CLI::App& app) {
  add_flag(app, "--full", "Read everything, also what earlier backups have");
  add_text(app, "--label", "TEXT", "A word to find it by in `walkback list`");
}

Result<CommandOptions> read_backup(const CLI::App& app) {
  return CommandOptions(BackupOptions{flag(app, "--full"), text(app, "--label")});
}

Result<CommandOptions> read_list(const CLI::App&) { return CommandOptions(ListOptions{}); }

constexpr Command kCommands[] = {
    {"backup", "Take a backup", describe_backup, read_backup},
    {"list", "Show backups, recovery windows and gaps", nullptr, read_list},
};

}  // namespace

std::span<const Command> backup_commands() { return kCommands; }

}  // namespace walkback::cli
