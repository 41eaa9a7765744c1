// prune, keep, index and verify.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

void describe_prune(CLI::App& app) {
  add_flag(app, "--dry-run", "Show what would go, and why; remove nothing");
}

Result<CommandOptions> read_prune(const CLI::App& app) {
  return CommandOptions(PruneOptions{flag(app, "--dry-run")});
}

void describe_keep(CLI::App& app) {
  add_argument(app, "ID", "The backup, as `list` shows it");
  add_text(app, "--until", "TIME", "Until then; without it, until it is released");
  add_flag(app, "--release", "Keep it no longer than the rules say");
}

Result<CommandOptions> read_keep(const CLI::App& app) {
  KeepOptions options{text(app, "ID"), if_given(app, "--until"), flag(app, "--release")};
  if (options.until && options.release) {
    return usage_error("--until and --release exclude each other", "give one of them");
  }
  return CommandOptions(std::move(options));
}

void describe_index(CLI::App& app) {
  add_flag(app, "--rebuild", "Make those again that do not say all of their segments");
  add_flag(app, "--all", "With --rebuild: make every one again");
}

Result<CommandOptions> read_index(const CLI::App& app) {
  const IndexOptions options{flag(app, "--rebuild"), flag(app, "--all")};
  if (options.all && !options.rebuild) {
    return usage_error("--all without --rebuild", "--rebuild --all makes every index again");
  }
  return CommandOptions(options);
}

void describe_verify(CLI::App& app) {
  add_flag(app, "--deep", "Read every byte again, also what was verified before");
}

Result<CommandOptions> read_verify(const CLI::App& app) {
  return CommandOptions(VerifyOptions{flag(app, "--deep")});
}

constexpr Command kCommands[] = {
    {"prune", "Remove the backups and WAL that no rule in [retention] keeps", describe_prune,
     read_prune},
    {"keep", "Keep a backup whatever the rules in [retention] say", describe_keep, read_keep},
    {"index", "Show whether every WAL segment has its index, and make those again that have not",
     describe_index, read_index},
    {"verify", "Prove that every object that a recovery needs is there and undamaged",
     describe_verify, read_verify},
};

}  // namespace

std::span<const Command> upkeep_commands() { return kCommands; }

}  // namespace walkback::cli
