// wal-push and wal-get, which PostgreSQL itself types.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

void describe_wal_push(CLI::App& app) { add_argument(app, "PATH", "The WAL file, as %p gives it"); }

Result<CommandOptions> read_wal_push(const CLI::App& app) {
  return CommandOptions(WalPushOptions{text(app, "PATH")});
}

void describe_wal_get(CLI::App& app) {
  add_argument(app, "NAME", "The WAL file's name, as %f gives it");
  add_argument(app, "PATH", "Where to put it, as %p gives it");
  // Written into the restore_command of a recovered copy.
  add_hidden(app, "--reserved-timeline", "N");
}

Result<CommandOptions> read_wal_get(const CLI::App& app) {
  WalGetOptions options{text(app, "NAME"), text(app, "PATH"), std::nullopt};
  if (given(app, "--reserved-timeline")) {
    options.reserved_timeline = TRY(number<uint32_t>(app, "--reserved-timeline", 1, UINT32_MAX));
  }
  return CommandOptions(std::move(options));
}

constexpr Command kCommands[] = {
    {"wal-push", "Archive one WAL file; for archive_command", describe_wal_push, read_wal_push},
    {"wal-get", "Fetch one WAL file; for restore_command", describe_wal_get, read_wal_get},
};

}  // namespace

std::span<const Command> archive_commands() { return kCommands; }

}  // namespace walkback::cli
