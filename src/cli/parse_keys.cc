// key and its own commands.
#include "cli/parse_command.h"

namespace walkback::cli {

namespace {

void add_label(CLI::App& app) {
  add_text(app, "--label", "TEXT", "Whose key it is, for people: it is public");
}

void describe_generate(CLI::App& app) {
  add_text(app, "--output", "FILE", "The new file with the private key, mode 0600");
}

Result<CommandOptions> read_generate(const CLI::App& app) {
  KeyGenerateOptions options{text(app, "--output")};
  if (options.output.empty()) {
    return usage_error("--output is missing: where to write the private key",
                       "--output FILE, a new file; it should not stay on the database host");
  }
  return CommandOptions(std::move(options));
}

Result<CommandOptions> read_list(const CLI::App&) { return CommandOptions(KeyListOptions{}); }

void describe_add(CLI::App& app) {
  add_argument(app, "RECIPIENT", "age1…, or gpg:FINGERPRINT");
  add_label(app);
}

Result<CommandOptions> read_add(const CLI::App& app) {
  return CommandOptions(KeyAddOptions{text(app, "RECIPIENT"), text(app, "--label")});
}

void describe_rotate(CLI::App& app) {
  add_text(app, "--recipient", "KEY", "The new key: age1…, or gpg:FINGERPRINT");
  add_text(app, "--output", "FILE", "Make the new key, in this new file");
  add_label(app);
  add_text(app, "--retire", "RECIPIENT",
           "Which key it replaces (default: the only one, or the one at hand)");
  add_flag(app, "--host", "Replace this host's own key instead");
}

Result<CommandOptions> read_rotate(const CLI::App& app) {
  KeyRotateOptions options{flag(app, "--host"), text(app, "--recipient"), text(app, "--output"),
                           text(app, "--label"), text(app, "--retire")};
  if (options.host) {
    if (options.recipient.empty() && options.label.empty() && options.retire.empty()) {
      return CommandOptions(std::move(options));
    }
    return usage_error("--host replaces this host's own key, the other options an owner's",
                       "walkback key rotate --host [--output FILE]");
  }
  if (options.recipient.empty() == options.output.empty()) {
    return usage_error("where the new key comes from was not said, or twice",
                       "--recipient KEY takes one that is there, --output FILE makes one");
  }
  return CommandOptions(std::move(options));
}

constexpr Command kKeyCommands[] = {
    {"generate", "Make a private key for an owner", describe_generate, read_generate},
    {"list", "Show the repository's keys, and which are at hand", nullptr, read_list},
    {"add", "Add an owner's key, which then reads what was stored before too", describe_add,
     read_add},
    {"rotate", "Put a new key in the place of an old one", describe_rotate, read_rotate},
};

constexpr Command kCommands[] = {
    {"key", "Make, list, add and rotate the keys of an encrypted repository", nullptr, nullptr,
     kKeyCommands},
};

}  // namespace

std::span<const Command> key_commands() { return kCommands; }

}  // namespace walkback::cli
