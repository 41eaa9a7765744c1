// init and check.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

// archive_timeout's own limit (guc.c: INT_MAX / 2 seconds).
constexpr int kLongestArchiveTimeout_s = 0x3FFFFFFF;

constexpr const char* kInitExample =
    "Example, once root has made the places for the server's user:\n"
    "  sudo install -d -o postgres -m 0750 /srv/walkback\n"
    "  sudo install -d -o postgres -m 0750 /etc/walkback\n"
    "  sudo -u postgres walkback init --pgdata /var/lib/postgresql/15/main \\\n"
    "    --repository file:///srv/walkback --apply\n";

void describe_init(CLI::App& app) {
  add_text(app, "--pgdata", "DIR", "The cluster's data directory");
  add_text(app, "--repository", "URL",
           "Where backups and WAL are kept: file:///path or s3://bucket/prefix");
  add_text(app, "--second-repository", "URL",
           "The same repository in a second place: file:///path or s3://bucket/prefix");
  add_text(app, "--conninfo", "STR", "How to reach the server, in libpq's form");
  add_texts(app, "--recipient", "KEY",
            "Who can read: age1… or gpg:KEYID (repeatable; default: a new key, made here)");
  add_text(app, "--encryption", "KIND", "age (default), or none: store in plain text");
  add_text(app, "--archive-timeout", "S",
           "Seconds after which an idle cluster's WAL is archived too (default: what the "
           "server has, else 60)");
  add_flag(app, "--new-lineage",
           "The cluster takes the place of another of this name (pg_upgrade, initdb)");
  add_flag(app, "--new-repository",
           "Begin a new repository though this configuration had one before");
  add_flag(app, "--replace-archive-command",
           "With --apply: another program archives this cluster's WAL; end that");
  add_flag(app, "--apply", "Set PostgreSQL's settings (ALTER SYSTEM) and reload");
  add_footer(app, kInitExample);
}

Result<CommandOptions> read_init(const CLI::App& app) {
  InitOptions options;
  options.pgdata = if_given(app, "--pgdata");
  options.repository = if_given(app, "--repository");
  options.second_repository = if_given(app, "--second-repository");
  options.conninfo = if_given(app, "--conninfo");
  options.encryption = if_given(app, "--encryption");
  options.recipients = texts(app, "--recipient");
  options.apply = flag(app, "--apply");
  options.new_lineage = flag(app, "--new-lineage");
  options.new_repository = flag(app, "--new-repository");
  options.replace_archive_command = flag(app, "--replace-archive-command");
  if (given(app, "--archive-timeout")) {
    options.archive_timeout_s =
        TRY(number<int>(app, "--archive-timeout", 1, kLongestArchiveTimeout_s));
  }
  return CommandOptions(std::move(options));
}

void describe_check(CLI::App& app) {
  add_flag(app, "--conformance",
           "Try everything that a repository's store must do, with objects of its own");
  add_flag(app, "--no-proof", "Do not have the server archive a segment");
}

Result<CommandOptions> read_check(const CLI::App& app) {
  return CommandOptions(CheckOptions{flag(app, "--conformance"), !flag(app, "--no-proof")});
}

constexpr Command kCommands[] = {
    {"init",
     "Make the repository and the configuration, set PostgreSQL's settings, prove they work",
     describe_init, read_init},
    {"check", "Look whether everything is as it must be, and say what to do", describe_check,
     read_check},
};

}  // namespace

std::span<const Command> setup_commands() { return kCommands; }

}  // namespace walkback::cli
